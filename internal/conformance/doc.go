// Package conformance holds tests only: a table of cases from RFC 6455 and RFC
// 7692, whose numbers follow the Autobahn suite's, run over real connections
// with frames made by hand: against a plain echo on the production transport
// and against the messages of a server, on every transport, plain and with TLS.
// The table in docs/conformance.md is written from a run.
package conformance
