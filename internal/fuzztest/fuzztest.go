// Package fuzztest has what fuzz targets share.
package fuzztest

import (
	"testing"
	"time"
)

// patience is longer than any parser takes, and shorter than a target is fuzzed.
const patience = 10 * time.Second

// MustReturn ends the process, which is a finding, if the function that is fuzzed
// goes on and on. To go test -fuzz a function that does not return is no failure:
// it waits for it until its own time is over.
func MustReturn(t *testing.T) {
	timer := time.AfterFunc(patience, func() { panic("what is fuzzed does not return") })
	t.Cleanup(func() { timer.Stop() })
}
