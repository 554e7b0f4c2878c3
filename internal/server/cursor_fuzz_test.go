package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/token"
)

// What a query gets as the beginning of a page is what a query has returned, for
// the same list, and nothing that a client has made up.
func FuzzCursor(f *testing.F) {
	s := &Server{Signer: &token.Signer{Keys: [][]byte{[]byte(strings.Repeat("k", 32))}}}
	for _, next := range []string{"alice", "a\x00b", "../1", "'; DROP TABLE users", strings.Repeat("a", 300)} {
		f.Add("users", *s.cursor("users", next))
		f.Add("users", next)
	}
	f.Add("users", *s.cursor("sessions", "alice"))
	f.Add("", "")
	f.Fuzz(func(t *testing.T, list, text string) {
		from, err := s.pageFrom(list, &text)
		switch {
		case err != nil && (from != "" || !errors.Is(err, errInvalidCursor)):
			t.Errorf("%q: %q, %v", text, from, err)
		case err == nil && (from == "" || *s.cursor(list, from) != text):
			t.Errorf("%q is taken for %q", text, from)
		}
		if text == "" {
			return
		}
		made := s.cursor(list, text)
		if back, err := s.pageFrom(list, made); err != nil || back != text {
			t.Errorf("%q comes back as %q, %v", text, back, err)
		}
		if _, err := s.pageFrom(list+"x", made); err == nil {
			t.Errorf("the cursor of %q is good for another list", list)
		}
	})
}
