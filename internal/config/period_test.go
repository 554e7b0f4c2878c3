package config

import (
	"testing"
	"time"
)

func TestPeriod_UnmarshalText(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "1d": 24 * time.Hour, "36h": 36 * time.Hour, "0": 0, "0d": 0, "-1d": -24 * time.Hour,
	} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err != nil || time.Duration(p) != want {
			t.Errorf("%s is %s (%v), want %s", text, time.Duration(p), err, want)
		}
	}
	for _, text := range []string{"", "d", "90", "1.5d", "d90", "90 d", "99999d", "1d12h"} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, time.Duration(p))
		}
	}
}
