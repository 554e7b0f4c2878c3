package wire

import (
	"encoding/json"

	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/token"
)

// DefaultLimit is the number of rows of a page without the parameter limit. The contract
// states the same number.
const DefaultLimit = 50

// Limit returns the number of rows that a request asks for.
func Limit(asked *int) int {
	if asked == nil {
		return DefaultLimit
	}
	return *asked
}

// A Pager reads and writes the cursors of one list. A cursor is signed for the list and
// its filter: one of another list or filter is rejected.
type Pager struct {
	signer *token.Signer
	list   string
}

// NewPager returns the Pager of a list. filter is anything that marshals to JSON.
func NewPager(signer *token.Signer, list string, filter any) (Pager, error) {
	named, err := json.Marshal(filter)
	return Pager{signer, list + string(named)}, err
}

// Next returns the cursor of the next page, nil after the last page.
func (p Pager) Next(next string) *string {
	if next == "" {
		return nil
	}
	signed := p.signer.Cursor(p.list, next)
	return &signed
}

// From returns where the page of a cursor begins, empty for the first page. The refusal
// of a forged cursor gives no reason.
func (p Pager) From(cursor *string) (string, error) {
	if cursor == nil {
		return "", nil
	}
	from, ok := p.signer.FromCursor(p.list, *cursor)
	if !ok {
		const sentence = "cursor is not valid"
		return "", problem.Invalid(problem.Field{Field: "cursor", Code: "invalid", Message: sentence})
	}
	return from, nil
}
