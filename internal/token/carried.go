package token

import (
	"encoding/base64"
	"net/http"
)

// FromCookie returns what this server has signed into a cookie of the request.
func (s *Signer) FromCookie(r *http.Request, name, purpose string) (value string, ok bool) {
	cookie, err := r.Cookie(name)
	if err != nil {
		return "", false
	}
	return s.Verify(purpose, cookie.Value)
}

// Cursor is where the next page of a list begins, for a client to bring back. It is
// signed for this list, which names its filters: what a query gets as the beginning of
// a page is always what a query has returned (Kratos CVE-2026-33503: SQL injection by a
// forged page token).
func (s *Signer) Cursor(list, next string) string {
	return s.Sign("cursor/"+list, base64.RawURLEncoding.EncodeToString([]byte(next)))
}

// FromCursor returns where the page of a cursor begins.
func (s *Signer) FromCursor(list, cursor string) (next string, ok bool) {
	encoded, ok := s.Verify("cursor/"+list, cursor)
	if !ok {
		return "", false
	}
	from, err := base64.RawURLEncoding.DecodeString(encoded)
	return string(from), err == nil
}
