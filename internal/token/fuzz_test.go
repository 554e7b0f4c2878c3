package token_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/fuzztest"
	"github.com/techtreks/auth/internal/token"
)

func FuzzVerify(f *testing.F) {
	s := &token.Signer{Keys: [][]byte{[]byte(strings.Repeat("n", 32)), []byte(strings.Repeat("o", 32))}}
	old := &token.Signer{Keys: s.Keys[1:]}
	for _, signed := range []string{
		"", ".", "a", "a.", ".a", "a.b.c", s.Sign("session", "value"), s.Sign("session", ""), s.Sign("session", "a.b"), old.Sign("session", "value"),
		s.Sign("other", "value"), s.Sign("session", "value") + "=", strings.ToLower(s.Sign("session", "value")), s.Sign("session", "value") + "\n",
	} {
		f.Add("session", signed)
	}
	f.Fuzz(func(t *testing.T, purpose, signed string) {
		fuzztest.MustReturn(t)
		value, ok := s.Verify(purpose, signed)
		switch {
		case ok && signed != s.Sign(purpose, value) && signed != old.Sign(purpose, value):
			t.Errorf("%q is accepted for purpose %q and value %q", signed, purpose, value)
		case !ok && value != "":
			t.Errorf("%q is rejected with the value %q", signed, value)
		}
		// Every signed value is accepted, for its own purpose only.
		mine := s.Sign(purpose, signed)
		if back, ok := s.Verify(purpose, mine); !ok || back != signed {
			t.Errorf("%q does not come back: %q, %t", signed, back, ok)
		}
		if _, ok := s.Verify(purpose+"x", mine); ok {
			t.Errorf("%q is accepted for another purpose", mine)
		}
	})
}

// FromCursor accepts only cursors that Cursor returned for the same list.
func FuzzFromCursor(f *testing.F) {
	s := &token.Signer{Keys: [][]byte{[]byte(strings.Repeat("k", 32))}}
	for _, next := range []string{"alice", "a\x00b", "../1", "'; DROP TABLE users", strings.Repeat("a", 300), ""} {
		f.Add("users", s.Cursor("users", next))
		f.Add("users", next)
	}
	f.Add("users", s.Cursor("sessions", "alice"))
	f.Add("users", s.Sign("cursor/users", "!")) // not base64
	f.Fuzz(func(t *testing.T, list, text string) {
		fuzztest.MustReturn(t)
		switch from, ok := s.FromCursor(list, text); {
		case ok && s.Cursor(list, from) != text:
			t.Errorf("%q is accepted as %q", text, from)
		case !ok && from != "":
			t.Errorf("%q is rejected with the value %q", text, from)
		}
		made := s.Cursor(list, text)
		if back, ok := s.FromCursor(list, made); !ok || back != text {
			t.Errorf("the cursor for %q gives %q, %t", text, back, ok)
		}
		if _, ok := s.FromCursor(list+"x", made); ok {
			t.Errorf("a cursor of %q is accepted for another list", list)
		}
	})
}

// Of any Cookie header, FromCookie accepts only a value that the server has signed.
// So no other value leads to a database query.
func FuzzFromCookie(f *testing.F) {
	s := &token.Signer{Keys: [][]byte{[]byte(strings.Repeat("k", 32))}}
	good := s.Sign("session", strings.Repeat("A", token.Length))
	for _, header := range []string{
		"", "session=", "session=" + good, "session=\"" + good + "\"", "session=x; session=" + good, "a=b;session=" + good + ";",
		"SESSION=" + good, "session =" + good, "session=" + good + "\x00", "=;=", "session", "session=" + good[:42] + "\"", "session=" + s.Sign("other", "A"),
		strings.Repeat("a=b; ", 3001) + "session=" + good,
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		fuzztest.MustReturn(t)
		r := &http.Request{Header: http.Header{"Cookie": {header}}}
		switch value, ok := s.FromCookie(r, "session", "session"); {
		case ok && !strings.Contains(header, s.Sign("session", value)):
			t.Errorf("%q is accepted as %q", header, value)
		case !ok && value != "":
			t.Errorf("%q is rejected with the value %q", header, value)
		}
	})
}
