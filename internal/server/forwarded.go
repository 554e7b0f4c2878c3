package server

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
)

// forwardedFor is the one header that tells a trusted proxy's client.
const forwardedFor = "X-Forwarded-For"

// forwarding notices requests that name a client's address without being
// entitled to. They are served as from their peer, whoever they name. But they may
// mean a proxy that nobody has put into TRUSTED_PROXIES: then all people are one
// client, with one limit for all of them, and nothing else would show it.
type forwarding struct {
	proxies []netip.Prefix
	warn    sync.Once
	last    atomic.Int64 // when, in nanoseconds since 1970
}

// noticedFor is how long readiness tells of the last such request.
const noticedFor = 10 * time.Minute

// trust sets whose header is believed. It takes what gin has taken.
func (f *forwarding) trust(proxies []string) {
	f.proxies = nil
	for _, text := range proxies {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			f.proxies = append(f.proxies, prefix)
		} else if addr, err := netip.ParseAddr(text); err == nil {
			f.proxies = append(f.proxies, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
}

// noticeForwarding counts such a request, and says so in the log, once.
func (s *Server) noticeForwarding(c *gin.Context) {
	if len(c.Request.Header[forwardedFor]) == 0 {
		return
	}
	peer := peerOf(c.Request.RemoteAddr)
	for _, proxy := range s.forwarding.proxies {
		if proxy.Contains(peer) {
			return
		}
	}
	s.Metrics.UntrustedForward()
	s.forwarding.last.Store(s.Now().UnixNano())
	s.forwarding.warn.Do(func() {
		s.Logger.WarnContext(c.Request.Context(), "X-Forwarded-For is ignored: it comes from a peer that TRUSTED_PROXIES does not name. If that is your proxy, all clients share its limits",
			"peer", peer.String())
	})
}

// ignoresForwarding says whether such a request has come lately.
func (s *Server) ignoresForwarding() bool {
	last := s.forwarding.last.Load()
	return last != 0 && s.Now().Sub(time.Unix(0, last)) < noticedFor
}

// peerOf is the address at the other end of the connection.
func peerOf(remote string) netip.Addr {
	peer, _ := netip.ParseAddrPort(remote)
	return peer.Addr().Unmap().WithZone("")
}
