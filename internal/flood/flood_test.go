package flood_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/flood"
)

var start = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

func newSuppressor() *flood.Suppressor[string, int] {
	return &flood.Suppressor[string, int]{First: 2, MaxKeys: 3}
}

func TestSuppressor_FirstEventsPass(t *testing.T) {
	s := newSuppressor()
	for i := range 5 {
		repeats, ok := s.Admit(start, "a", "other", i)
		if ok != (i < 2) || repeats != 0 {
			t.Errorf("event %d: %d, %v", i, repeats, ok)
		}
	}
	if _, ok := s.Admit(start, "b", "other", 0); !ok {
		t.Error("another key is suppressed")
	}
}

func TestSuppressor_NextWindowReportsRepeats(t *testing.T) {
	s := newSuppressor()
	for i := range 5 {
		s.Admit(start, "a", "other", i)
	}
	repeats, ok := s.Admit(start.Add(time.Minute), "a", "other", 5)
	if !ok || repeats != 3 {
		t.Errorf("got %d, %v", repeats, ok)
	}
	if taken := s.Take(start.Add(2*time.Minute), false); len(taken) != 0 {
		t.Errorf("reported twice: %+v", taken)
	}
}

func TestSuppressor_TakeReturnsEndedWindows(t *testing.T) {
	s := newSuppressor()
	for i := range 5 {
		s.Admit(start, "a", "other", i)
		s.Admit(start.Add(30*time.Second), "b", "other", 10+i)
	}
	if taken := s.Take(start.Add(59*time.Second), false); len(taken) != 0 {
		t.Errorf("too early: %+v", taken)
	}
	want := flood.Suppressed[string, int]{Key: "a", Last: 4, Count: 3, Since: start}
	if taken := s.Take(start.Add(time.Minute), false); len(taken) != 1 || taken[0] != want {
		t.Errorf("got %+v", taken)
	}
	if taken := s.Take(start.Add(time.Minute), true); len(taken) != 1 || taken[0].Key != "b" || s.Keys() != 0 {
		t.Errorf("got %+v, %d keys", taken, s.Keys())
	}
}

func TestSuppressor_FurtherKeysShareTheOverflow(t *testing.T) {
	s := newSuppressor()
	for i := range 100 {
		s.Admit(start, fmt.Sprint(i), "other", i)
	}
	if s.Keys() != 4 {
		t.Errorf("%d keys", s.Keys())
	}
	taken := s.Take(start.Add(time.Minute), false)
	if len(taken) != 1 || taken[0].Key != "other" || taken[0].Count != 95 {
		t.Errorf("got %+v", taken)
	}
}

func TestSuppressor_ClockSetBackBeginsAnew(t *testing.T) {
	s := newSuppressor()
	for i := range 5 {
		s.Admit(start, "a", "other", i)
	}
	if _, ok := s.Admit(start.Add(-time.Hour), "a", "other", 5); !ok {
		t.Error("suppressed by a window that begins in the future")
	}
	if taken := s.Take(start.Add(-2*time.Hour), false); s.Keys() != 0 {
		t.Errorf("got %+v, %d keys", taken, s.Keys())
	}
}
