package apptest

import (
	"fmt"
	"strings"
)

// WithoutID is an answer with what differs between any two requests removed.
func WithoutID(a *Answer) string {
	id := a.Header.Get("X-Request-ID")
	a.Header.Del("X-Request-ID")
	a.Header.Del("Date")
	defer a.Header.Set("X-Request-ID", id)
	return fmt.Sprint(a.Status, a.Header, strings.ReplaceAll(string(a.Body), id, "ID"))
}
