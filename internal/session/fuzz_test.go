package session

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/token"
)

// Whatever a client writes into its Cookie header, only what this server has
// signed leads to a look at the database.
func FuzzPresentedCookie(f *testing.F) {
	m := &Manager{
		Signer: &token.Signer{Keys: [][]byte{[]byte(strings.Repeat("k", 32))}},
		Cookie: Cookie{Name: "session"},
	}
	good := m.Signer.Sign(cookiePurpose, strings.Repeat("A", 43))
	for _, header := range []string{
		"", "session=", "session=" + good, "session=\"" + good + "\"", "session=x; session=" + good, "a=b;session=" + good + ";",
		"SESSION=" + good, "session =" + good, "session=" + good + "\x00", "=;=", "session", "session=" + good[:42] + "\"", "session=" + m.Signer.Sign("other", "A"),
		strings.Repeat("a=b; ", 3001) + "session=" + good,
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Cookie": {header}}}
		hash, ok := m.presented(r)
		if !ok {
			if hash != nil {
				t.Error("a hash of what is refused")
			}
			return
		}
		value := r.CookiesNamed("session")[0].Value
		dot := strings.LastIndexByte(value, '.')
		if dot < 0 || !strings.Contains(header, value) || value != m.Signer.Sign(cookiePurpose, value[:dot]) || !bytes.Equal(hash, token.Hash(value[:dot])) {
			t.Errorf("%q is taken for %q", header, value)
		}
	})
}
