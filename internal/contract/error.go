package contract

import (
	"fmt"
	"net/http"
	"time"
)

// A Field is one rule that one field of a request breaks.
type Field struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// An Error is a failure that the contract knows: it has a status, a stable
// code out of the operation's closed list and a sentence that is safe to show.
// What really happened is in Cause, for the log alone.
type Error struct {
	Status     int
	Code       string
	Message    string
	Fields     []Field
	RetryAfter time.Duration // sent as Retry-After in whole seconds, rounded up, when set
	Cause      error
}

// Error is for the log, not for the client.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%d %s: %v", e.Status, e.Code, e.Cause)
	}
	return fmt.Sprintf("%d %s", e.Status, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Because returns the same failure with its private cause.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.Cause = cause
	return &with
}

// Failures that this package finds itself. An operation that can meet one lists
// its code.
var (
	ErrLoginRequired        = &Error{Status: http.StatusUnauthorized, Code: "login_required", Message: "Login required"}
	ErrForbidden            = &Error{Status: http.StatusForbidden, Code: "forbidden", Message: "Admin access required"}
	ErrMalformedBody        = &Error{Status: http.StatusBadRequest, Code: "malformed_body", Message: "The request body is not valid JSON"}
	ErrBodyTooLarge         = &Error{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Message: "The request body is too large"}
	ErrRateLimited          = &Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "Too many requests"} // RetryAfter is the limiter's to say
	ErrUnsupportedMediaType = &Error{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Message: "The request body must be application/json"}
)
