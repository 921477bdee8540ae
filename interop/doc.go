// Package interop compares Hearth with the original helper, an npm package
// that runs on Bun, and has both work together on one Redis. It consists of
// tests; peer/ has what of them is TypeScript.
//
// The flags -interop.seed and -interop.steps replay and prolong what is
// random. -plays.record original (with TestPlaysOriginal) writes down what the
// original does in the plays of internal/transcript/plays.
package interop
