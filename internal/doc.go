// Package internal has no code of its own. Its test holds the order in which
// the packages below may import one another.
package internal
