// Package internal has no code of its own. Its test enforces the order in which the
// packages below may import one another.
package internal
