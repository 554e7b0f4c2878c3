package server

import (
	"encoding/base64"
	"net/http"

	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/contract"
)

// errInvalidCursor says no more than that: why is nobody's business who makes
// cursors up.
var errInvalidCursor = &contract.Error{
	Status: http.StatusBadRequest, Code: string(genapi.InvalidSessionParameterCodeInvalidFields),
	Message: "cursor is not valid",
	Fields:  []contract.Field{{Field: "cursor", Code: string(genapi.FieldErrorCodeInvalid), Message: "cursor is not valid"}},
}

// cursor is where the next page of a list begins, for a client to bring back;
// nil for the empty place behind the last page. It is signed for this list,
// which names its filters: what a query gets as the beginning of a page is
// always what a query has returned (Kratos CVE-2026-33503: SQL injection by a
// forged page token).
func (s *Server) cursor(list, next string) *string {
	if next == "" {
		return nil
	}
	signed := s.Signer.Sign("cursor/"+list, base64.RawURLEncoding.EncodeToString([]byte(next)))
	return &signed
}

// pageFrom is where the page of a cursor begins, empty for the first page.
func (s *Server) pageFrom(list string, cursor *string) (string, error) {
	if cursor == nil {
		return "", nil
	}
	encoded, ok := s.Signer.Verify("cursor/"+list, *cursor)
	if !ok {
		return "", errInvalidCursor
	}
	from, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", errInvalidCursor.Because(err)
	}
	return string(from), nil
}
