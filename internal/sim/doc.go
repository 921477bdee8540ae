// Package sim simulates whole clusters: servers, a broker and many clients in
// one bubble of testing/synctest, on a network that delays, cuts and splits.
// It consists of tests; make sim runs as many as wanted.
//
// Everything is decided by a seed: what happens at which moment, how long each
// direction of each connection delays at that moment, what the broker does to
// each envelope. A seed that fails replays with the same decisions at the same
// virtual times:
//
//	go test ./internal/sim -run TestSeeds -sim.first=17 -sim.seeds=1 -v
//
// Odd seeds let one thing happen after the other, each with everything that
// follows from it at once, and no two delays end at the same moment: they replay
// exactly, which TestPlantedBugs checks. Even seeds let several things happen at
// the same moment, for the sake of races; they replay with the same decisions,
// but the order of goroutines within a moment is the scheduler's, so that a
// failure that hangs on it may take several runs: add -count=100.
package sim
