// Package redistest runs real Redis servers for tests: alone, as a Cluster or
// under Sentinel. They listen on loopback only, keep nothing, and can be
// killed, restarted and frozen. Nothing survives the test: not when it fails,
// and on Linux not when its process is killed.
package redistest
