package wire

import (
	"context"
	"errors"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/problem"
)

// Problem returns what an error is to the client. An error that is no problem is an
// internal error: its text goes to the log and nowhere else.
func Problem(err error) *problem.Error {
	var known *problem.Error
	var busy *password.BusyError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &busy):
		return problem.Busy.Because(err).After(busy.RetryAfter)
	case db.IsUnavailable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// Canceled means that the client has disconnected and reads no answer.
		return problem.Unavailable.Because(err)
	}
	return problem.Internal.Because(err)
}
