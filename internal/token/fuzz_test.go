package token_test

import (
	"strings"
	"testing"

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
		value, ok := s.Verify(purpose, signed)
		switch {
		case ok && signed != s.Sign(purpose, value) && signed != old.Sign(purpose, value):
			t.Errorf("%q is no signature for %q of %q", signed, purpose, value)
		case !ok && value != "":
			t.Errorf("%q is refused and gives %q", signed, value)
		}
		// Whatever can be signed is accepted, for its purpose alone.
		mine := s.Sign(purpose, signed)
		if back, ok := s.Verify(purpose, mine); !ok || back != signed {
			t.Errorf("%q does not come back: %q, %t", signed, back, ok)
		}
		if _, ok := s.Verify(purpose+"x", mine); ok {
			t.Errorf("%q is taken for another purpose", mine)
		}
	})
}
