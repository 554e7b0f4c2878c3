// Package problem is the one list of the errors that clients see: status, code,
// sentence and, where a refusal belongs into the audit trail, its event.
//
// A code is written in api/openapi.yaml and in [All], nowhere else; a test compares the
// two. Handlers return problems as errors, and internal/server writes them.
package problem

import (
	"fmt"
	"time"
)

// An Error is a failure that the contract describes. Code and Message are safe to
// send; Cause is for the log alone.
type Error struct {
	Status  int    // HTTP status
	Code    string // stable, in the closed list of the operation in the contract
	Message string // sentence for the client
	// Event is the audit event of the refusal, empty if it is none.
	Event  string
	Fields []Field
	// RetryAfter, if set, is sent as Retry-After in whole seconds, rounded up.
	RetryAfter time.Duration
	Cause      error
}

// A Field names one rule that one field of a request breaks.
type Field struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error returns the text for the log, which the client never sees.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%d %s: %v", e.Status, e.Code, e.Cause)
	}
	return fmt.Sprintf("%d %s", e.Status, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Because returns a copy with a private cause.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.Cause = cause
	return &with
}

// After returns a copy that asks the client to wait.
func (e *Error) After(wait time.Duration) *Error {
	with := *e
	with.RetryAfter = wait
	return &with
}

// RecordedAs returns a copy that is recorded as another audit event: the operation decides
// what a taken username or a wrong password means.
func (e *Error) RecordedAs(event string) *Error {
	with := *e
	with.Event = event
	return &with
}

// Is reports whether target has the same status, code and sentence, so that errors.Is
// finds a problem that was copied by Because, After or RecordedAs.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && e.Status == t.Status && e.Code == t.Code && e.Message == t.Message
}

// Invalid returns the refusal of the fields of a request, with the sentence of the
// first; nil if there are none.
func Invalid(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	e := *InvalidFields
	e.Message, e.Fields = fields[0].Message, fields
	return &e
}
