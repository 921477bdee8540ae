// Package soak lets clients come and go by the hundred thousand, in every state
// and in every way, beside others that never read or read slowly, and then looks
// whether memory, goroutines and descriptors are back where they were. It
// consists of tests: a few seconds of it belong to go test, make soak runs for
// as long as wanted.
package soak
