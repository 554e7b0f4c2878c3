package server

import (
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
// nil for the empty place behind the last page.
func (s *Server) cursor(list, next string) *string {
	if next == "" {
		return nil
	}
	signed := s.Signer.Cursor(list, next)
	return &signed
}

// pageFrom is where the page of a cursor begins, empty for the first page.
func (s *Server) pageFrom(list string, cursor *string) (string, error) {
	if cursor == nil {
		return "", nil
	}
	from, ok := s.Signer.FromCursor(list, *cursor)
	if !ok {
		return "", errInvalidCursor
	}
	return from, nil
}
