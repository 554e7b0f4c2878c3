package apptest

import (
	"slices"
	"strings"
)

// Allowed are the methods of a path, sorted.
func (h *Harness) Allowed(path string) []string {
	methods := []string{"OPTIONS"}
	for _, op := range h.Contract.Operations {
		if op.Path == path {
			methods = append(methods, op.Method)
			if op.Method == "GET" {
				methods = append(methods, "HEAD")
			}
		}
	}
	slices.Sort(methods)
	return methods
}

// Allow is what the answer says of that, sorted.
func (a *Answer) Allow() []string {
	methods := strings.Split(a.Header.Get("Allow"), ", ")
	slices.Sort(methods)
	return methods
}
