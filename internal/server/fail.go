package server

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/wire"
)

// errorBody is the one shape of every error.
type errorBody struct {
	OK        bool            `json:"ok"`
	Error     string          `json:"error"`
	Code      string          `json:"code"`
	RequestID string          `json:"request_id"`
	Fields    []problem.Field `json:"fields,omitempty"`
}

// Fail is the only place that writes an error to a client. It ends the request.
func (s *Server) Fail(c *gin.Context, err error) {
	e := wire.Problem(err)
	ctx := c.Request.Context()
	state := exchangeFrom(ctx)
	state.failure = e
	if c.Writer.Written() {
		// Half an answer is sent. Only a broken connection shows that it is incomplete.
		panic(http.ErrAbortHandler)
	}
	header := c.Writer.Header()
	// The transaction of the login was rolled back, so its cookie and its log lines must
	// not go out either.
	header.Del("Set-Cookie")
	state.deferred.Drop()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	if e.Status != http.StatusMethodNotAllowed {
		header.Del("Allow") // gin sets it before the origin is checked
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(seconds(e.RetryAfter), 10))
	}
	if e.Status == http.StatusRequestEntityTooLarge {
		header.Set("Connection", "close")
	}
	s.noteRefusal(ctx, e)
	c.AbortWithStatusJSON(e.Status, errorBody{
		Error: e.Message, Code: e.Code, RequestID: reqctx.From(ctx).RequestID, Fields: e.Fields,
	})
}

// noteRefusal records a refusal that is an audit event.
func (s *Server) noteRefusal(ctx context.Context, e *problem.Error) {
	if e.Event == "" {
		return
	}
	entry := audit.Entry{Event: audit.Event(e.Event), Reason: e.Code}
	if current := session.From(ctx); current != nil {
		entry.Subject = current.User.ID
	}
	s.Audit.Note(ctx, entry)
}

// seconds rounds up, so that the wait is over after that time.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// panicError returns the cause for the log. It is truncated, because the value may
// contain what the client sent.
func panicError(value any) error { return fmt.Errorf("panic: %.200v", value) }
