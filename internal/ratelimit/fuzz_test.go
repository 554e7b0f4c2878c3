package ratelimit

import (
	"slices"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/fuzztest"
)

// An accepted limit is within its bounds, and its notation parses to the same limit.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"5 per minute", "200 per day", "1 per 10 seconds", "50 per hour per account", "600 per minute in process", "5 per minute per account in process",
		"1000001 per second in process", "5/minute", "5 per  minute", "0 per minute",
		"-1 per day", "99999999999999999999 per day", "5 per fortnight", "５ per minute", "5 per minute;", " 5 per minute", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.MustReturn(t)
		limit, err := Parse(text)
		if err != nil {
			return
		}
		windows := []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}
		if limit.Requests < 1 || limit.Requests > MaxRequests || !slices.Contains(windows, limit.Window) || limit.InProcess && limit.Key == ByAccount {
			t.Errorf("%q is %+v", text, limit)
		}
		again, err := Parse(limit.String())
		if err != nil || again != limit {
			t.Errorf("%q is %+v, written %q, read %+v, %v", text, limit, limit, again, err)
		}
	})
}

// Operators type the settings: invalid ones are rejected and never partly applied.
func FuzzParseSettings(f *testing.F) {
	for _, text := range []string{"off", "login: 5 per minute", "login: 5 per minute, 50 per hour; default: 200 per day", "login:", ":", ";;", "login: off"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.MustReturn(t)
		settings, err := ParseSettings(text)
		if err != nil {
			return
		}
		for name, limits := range settings.Limits {
			if name == "" || len(limits) == 0 || settings.Off {
				t.Errorf("%q: operation %q has the limits %v", text, name, limits)
			}
			for _, l := range limits {
				if again, err := Parse(l.String()); err != nil || again != l || l.Requests < 1 || l.Requests > MaxRequests || l.Window <= 0 {
					t.Errorf("%q: operation %q has the limit %+v", text, name, l)
				}
			}
		}
	})
}
