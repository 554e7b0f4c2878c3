package server

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// A request is what the middleware knows about one request.
type request struct {
	id        string
	ip        netip.Addr // of the client, behind trusted proxies
	local     bool       // from this machine, which it was called by a name of
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
		local:  isLocal(clientIP(c), c.Request.Host),
		locale: mail.Language(c.GetHeader("Accept-Language")), userAgent: c.Request.UserAgent(),
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.Timeout)
	defer cancel()
	ctx, state.audited = s.Audit.Hold(ctx)
	c.Request = c.Request.WithContext(context.WithValue(ctx, requestKey{}, state))
	s.noticeForwarding(c)
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
	return peerOf(c.Request.RemoteAddr)
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
		s.note(c.Request.Context(), audit.Entry{Event: audit.SysCrash, Reason: "panic"})
	}()
	c.Next()
}
