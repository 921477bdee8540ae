// Package chaos runs Hearth's servers as processes, breaks what they stand on,
// and lets a ledger check that nothing was lost without a word, delivered
// twice, out of order, or to the wrong one.
//
// A [World] is a Redis, nodes, clients and publishers. A scenario starts one,
// does its damage while messages flow, and ends it with [World.Settle], which
// waits until all is well again and asks the ledger.
package chaos
