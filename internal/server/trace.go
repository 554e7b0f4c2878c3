package server

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/tracing"
)

// traceRequest makes a span of the request, of which those of its queries and
// hashes are parts.
func (s *Server) traceRequest(c *gin.Context) {
	if s.Tracer == nil {
		return
	}
	ctx, end := s.Tracer.Request(c.Request.Context(), c.Request.Header, s.isTrustedPeer(c.RemoteIP()))
	c.Request = c.Request.WithContext(ctx)
	defer func() {
		ctx := c.Request.Context()
		state := requestFrom(ctx)
		r := tracing.Request{ID: state.id, Method: knownMethod(c.Request.Method), Route: route(ctx), Status: c.Writer.Status()}
		if state.err != nil {
			r.Code = state.err.Code
		}
		end(r)
	}()
	c.Next()
}

// isTrustedPeer reports whether the other end of the connection is one of
// TrustedProxies.
func (s *Server) isTrustedPeer(address string) bool {
	addr := canonicalIP(address)
	for _, trusted := range s.TrustedProxies {
		if network, err := netip.ParsePrefix(trusted); err == nil && network.Contains(addr) || err != nil && canonicalIP(trusted) == addr && addr.IsValid() {
			return true
		}
	}
	return false
}
