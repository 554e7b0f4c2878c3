package token

import (
	"encoding/base64"
	"net/http"
)

// FromCookie returns the verified value of a signed cookie of the request.
func (s *Signer) FromCookie(r *http.Request, name, purpose string) (value string, ok bool) {
	cookie, err := r.Cookie(name)
	if err != nil {
		return "", false
	}
	return s.Verify(purpose, cookie.Value)
}

// Cursor returns a signed cursor for the page of a list that begins at next. The
// name of the list includes its filters, and the cursor is valid for this list only.
// So a query always gets a position that a query has returned (Kratos
// CVE-2026-33503: SQL injection by a forged page token).
func (s *Signer) Cursor(list, next string) string {
	return s.Sign("cursor/"+list, base64.RawURLEncoding.EncodeToString([]byte(next)))
}

// FromCursor verifies a cursor and returns the position where its page begins.
func (s *Signer) FromCursor(list, cursor string) (next string, ok bool) {
	encoded, ok := s.Verify("cursor/"+list, cursor)
	if !ok {
		return "", false
	}
	from, err := base64.RawURLEncoding.DecodeString(encoded)
	return string(from), err == nil
}
