// Package flood keeps repeated events from filling a log or a table: the first few
// equal events of a window pass, the rest are counted.
package flood

import (
	"cmp"
	"sync"
	"time"
)

// The limits of a [Suppressor] that does not set its own.
const (
	DefaultFirst   = 10
	DefaultMaxKeys = 10_000
)

// Window is how long events of a key are counted together, from the first of them.
const Window = time.Minute

// Suppressor counts events by key. The zero value is ready to use; the fields must not
// change after the first call. Its methods may be called concurrently.
type Suppressor[K comparable, V any] struct {
	// First is how many equal events pass per [Window]; 0 means [DefaultFirst].
	First int64
	// MaxKeys bounds the memory, because an attacker chooses part of the key, such as
	// the address. Further keys share the overflow key that the caller gives. 0 means
	// [DefaultMaxKeys].
	MaxKeys int

	mu      sync.Mutex
	windows map[K]*window[V]
	nextEnd time.Time // no window ends before it
}

type window[V any] struct {
	start      time.Time
	events     int64
	suppressed int64 // not yet reported
	last       V     // of the suppressed events
}

// Suppressed describes the events of one key that did not pass.
type Suppressed[K comparable, V any] struct {
	Key   K
	Last  V // the latest of them
	Count int64
	Since time.Time // start of their window
}

// Admit reports whether an event passes. repeats is how many events of the key were
// suppressed since the last one that passed; the caller reports them with this one.
func (s *Suppressor[K, V]) Admit(now time.Time, key, overflow K, event V) (repeats int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.windows[key]
	if w == nil && len(s.windows) >= cmp.Or(s.MaxKeys, DefaultMaxKeys) {
		key = overflow
		w = s.windows[key]
	}
	if w == nil {
		if s.windows == nil {
			s.windows = map[K]*window[V]{}
		}
		w = &window[V]{start: now}
		s.windows[key] = w
		s.endsAt(now)
	}
	if s.ended(w, now) {
		w.start, w.events = now, 0
	}
	w.events++
	if w.events > cmp.Or(s.First, DefaultFirst) {
		w.suppressed++
		w.last = event
		return 0, false
	}
	repeats, w.suppressed = w.suppressed, 0
	return repeats, true
}

// Take removes the windows that have ended, or all of them, and returns those with
// suppressed events that no later event has reported.
func (s *Suppressor[K, V]) Take(now time.Time, all bool) []Suppressed[K, V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !all && now.Before(s.nextEnd) && s.nextEnd.Sub(now) <= Window {
		return nil
	}
	var taken []Suppressed[K, V]
	s.nextEnd = time.Time{}
	for key, w := range s.windows {
		if !all && !s.ended(w, now) {
			s.endsAt(w.start)
			continue
		}
		if w.suppressed > 0 {
			taken = append(taken, Suppressed[K, V]{key, w.last, w.suppressed, w.start})
		}
		delete(s.windows, key)
	}
	return taken
}

// Keys returns how many keys are counted now.
func (s *Suppressor[K, V]) Keys() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.windows)
}

// ended reports whether a window is over. One that begins in the future was begun
// before the clock was set back.
func (s *Suppressor[K, V]) ended(w *window[V], now time.Time) bool {
	age := now.Sub(w.start)
	return age < 0 || age >= Window
}

// endsAt notes the end of a window that began at start.
func (s *Suppressor[K, V]) endsAt(start time.Time) {
	if end := start.Add(Window); s.nextEnd.IsZero() || end.Before(s.nextEnd) {
		s.nextEnd = end
	}
}
