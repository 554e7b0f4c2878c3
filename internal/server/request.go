package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/session"
)

// A request is what the middleware knows about one request.
type request struct {
	id        string
	ip        netip.Addr // of the client, behind trusted proxies
	method    string
	locale    string          // the language of mails, as far as the client says
	userID    int64           // who has logged in with this request
	userAgent string          // as sent
	audited   *audit.Held     // what to log if nothing fails
	err       *contract.Error // why it failed, if it did
}

type requestKey struct{}

func requestFrom(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// beginRequest gives the request its id, its address and its deadline. An id
// that the client sends is not taken over: it could be made to look like
// another request's in the log.
func (s *Server) beginRequest(c *gin.Context) {
	state := &request{
		id: rand.Text(), ip: clientIP(c), method: c.Request.Method,
		locale: mail.Language(c.GetHeader("Accept-Language")), userAgent: c.Request.UserAgent(),
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.Timeout)
	defer cancel()
	ctx, state.audited = s.Audit.Hold(ctx)
	c.Request = c.Request.WithContext(context.WithValue(ctx, requestKey{}, state))
	c.Header("X-Request-ID", state.id)
	c.Next()
}

// clientIP returns the address of the client, behind trusted proxies.
func clientIP(c *gin.Context) netip.Addr {
	if addr := canonicalIP(c.ClientIP()); addr.IsValid() {
		return addr
	}
	// gin gives up on a peer with a zone, as every link-local IPv6 peer has.
	// Without an address of their own they would all be one client.
	peer, _ := netip.ParseAddrPort(c.Request.RemoteAddr)
	return peer.Addr().Unmap().WithZone("")
}

// canonicalIP gives one spelling to one address: ::ffff:192.0.2.1 is
// 192.0.2.1, and 2001:DB8::1 is 2001:db8::1. Otherwise a client has as many
// rate limits as its address has spellings.
func canonicalIP(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// logRequest writes one line per request. The path is the contract's template,
// never what the client sent: a path can carry a token, and a mistyped one can
// carry anything.
func (s *Server) logRequest(c *gin.Context) {
	start := s.Now()
	defer func() {
		ctx := c.Request.Context()
		state := requestFrom(ctx)
		state.audited.Release(ctx)
		route := "unknown"
		if op := contract.OperationFrom(ctx); op != nil {
			route = op.Path
		}
		attrs := []slog.Attr{
			slog.String("request_id", state.id),
			slog.String("method", knownMethod(c.Request.Method)),
			slog.String("route", route),
			slog.Int("status", c.Writer.Status()),
			slog.Float64("duration_ms", float64(s.Now().Sub(start).Microseconds())/1000),
			slog.String("ip", state.ip.String()),
		}
		if current := session.From(ctx); current != nil && state.userID == 0 {
			state.userID = current.User.ID
		}
		if state.userID != 0 {
			attrs = append(attrs, slog.Int64("user_id", state.userID))
		}
		if errors.Is(context.Cause(c.Request.Context()), context.Canceled) {
			attrs = append(attrs, slog.Bool("client_left", true))
		}
		level := slog.LevelInfo
		if state.err != nil {
			attrs = append(attrs, slog.String("code", state.err.Code))
			if state.err.Cause != nil {
				attrs = append(attrs, slog.String("cause", state.err.Cause.Error()))
			}
			if state.err.Status == http.StatusInternalServerError {
				level = slog.LevelError
			}
		}
		s.Logger.LogAttrs(ctx, level, "request", attrs...)
	}()
	c.Next()
}

// knownMethod keeps invented methods out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "other"
}

// recoverPanic turns a panic into the answer for an internal error. The stack
// goes to the log.
func (s *Server) recoverPanic(c *gin.Context) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler {
			panic(value) // net/http's own way to drop a connection
		}
		s.Logger.ErrorContext(c.Request.Context(), "panic",
			"request_id", requestFrom(c.Request.Context()).id, "stack", string(debug.Stack()))
		s.fail(c, errInternal.Because(panicError(value)))
	}()
	c.Next()
}
