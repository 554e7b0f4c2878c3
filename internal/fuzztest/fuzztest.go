// Package fuzztest contains helpers for fuzz targets.
package fuzztest

import (
	"testing"
	"time"
)

// timeout is longer than any parser takes, and shorter than the fuzzing of a target.
const timeout = 10 * time.Second

// MustReturn panics if the test does not end in time, so that an endless loop is a
// finding. By itself, go test -fuzz does not report a function that does not return: it
// waits until the end of the fuzzing time.
func MustReturn(t *testing.T) {
	timer := time.AfterFunc(timeout, func() { panic("the fuzzed function does not return") })
	t.Cleanup(func() { timer.Stop() })
}
