package server

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
)

// exchange is the state of one request that only the middleware needs.
type exchange struct {
	deferred *audit.DeferredLog // log lines of events, until the answer is known to succeed
	failure  *problem.Error     // nil if the request succeeded
}

type exchangeKey struct{}

func exchangeFrom(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

// beginRequest sets the request id, the client address and the deadline. The server never
// takes over an id from the client, which could send the id of another request in the
// log.
func (s *Server) beginRequest(c *gin.Context) {
	addr := clientAddr(c)
	info := &reqctx.Info{
		RequestID: rand.Text(), ClientAddr: addr, Local: clientip.IsLocal(addr, c.Request.Host), Method: c.Request.Method,
		UserAgent: c.Request.UserAgent(), Locale: mail.Language(c.GetHeader("Accept-Language")),
	}
	ctx, cancel := context.WithTimeout(reqctx.With(c.Request.Context(), info), s.Timeout)
	defer cancel()
	state := &exchange{}
	ctx, state.deferred = s.Audit.DeferLog(ctx)
	c.Request = c.Request.WithContext(context.WithValue(ctx, exchangeKey{}, state))
	s.Forwarded.notice(c.Request)
	c.Header("X-Request-ID", info.RequestID)
	c.Next()
}

// clientAddr returns the address of the client behind the trusted proxies.
func clientAddr(c *gin.Context) netip.Addr {
	if addr := clientip.Parse(c.ClientIP()); addr.IsValid() {
		return addr
	}
	// gin returns nothing for a peer with a zone, as every link-local IPv6 address has.
	// Without their own addresses such clients would share one limit.
	return clientip.Peer(c.Request.RemoteAddr)
}

// recoverPanic turns a panic into the answer for an internal error. The stack goes to the
// log.
func (s *Server) recoverPanic(c *gin.Context) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler {
			panic(value) // net/http's way to close a connection
		}
		ctx := c.Request.Context()
		s.Logger.ErrorContext(ctx, "panic", "request_id", reqctx.From(ctx).RequestID, "stack", string(debug.Stack()))
		s.Fail(c, problem.Internal.Because(panicError(value)))
		s.Audit.Note(ctx, audit.Entry{Event: audit.SysCrash, Reason: "panic"})
	}()
	c.Next()
}
