// Package attacks holds tests only: what somebody hostile may try against a
// server over real sockets, and what must come of it. Each test bears the
// number of its attack in docs/attacks.md, and its comment says how it was
// seen to fail: which defence was taken out.
package attacks
