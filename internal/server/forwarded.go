package server

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/metrics"
)

// forwardedFor is the header in which a trusted proxy names its client.
const forwardedFor = "X-Forwarded-For"

// Forwarded detects proxies that TRUSTED_PROXIES lacks. A request with X-Forwarded-For
// from an untrusted peer is served as from the peer. If the peer is a proxy, all clients
// share one rate limit, and nothing else would show it.
type Forwarded struct {
	// TrustedProxies are the addresses and CIDR ranges that are trusted to set
	// X-Forwarded-For.
	TrustedProxies []string
	Metrics        *metrics.Metrics
	Now            func() time.Time
	Logger         *slog.Logger

	parsed  sync.Once
	proxies clientip.Proxies
	warned  sync.Once
	last    atomic.Int64 // time of the latest such request, in nanoseconds since 1970
}

// reportFor is how long readiness reports the latest such request.
const reportFor = 10 * time.Minute

// fromProxy reports whether the peer of a request is a trusted proxy.
func (f *Forwarded) fromProxy(r *http.Request) bool {
	f.parsed.Do(func() { f.proxies = clientip.ParseProxies(f.TrustedProxies) })
	return f.proxies.Contains(clientip.Peer(r.RemoteAddr))
}

// notice counts a request with an ignored X-Forwarded-For, and logs the first.
func (f *Forwarded) notice(r *http.Request) {
	if len(r.Header[forwardedFor]) == 0 || f.fromProxy(r) {
		return
	}
	f.Metrics.UntrustedForward()
	f.last.Store(f.Now().UnixNano())
	f.warned.Do(func() {
		f.Logger.WarnContext(r.Context(), "X-Forwarded-For is ignored: it comes from a peer that TRUSTED_PROXIES does not name. If that is your proxy, all clients share its limits",
			"peer", clientip.Peer(r.RemoteAddr).String())
	})
}

// ignored reports whether X-Forwarded-For was ignored in the last ten minutes.
func (f *Forwarded) ignored() bool {
	last := f.last.Load()
	return last != 0 && f.Now().Sub(time.Unix(0, last)) < reportFor
}
