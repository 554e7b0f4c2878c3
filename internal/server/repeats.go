package server

import (
	"net/netip"
	"sync"
	"time"
)

// A refusal is what two refused requests must have in common to be the same to
// the log. None of it is chosen by the client without bounds, but the address.
type refusal struct {
	ip                  netip.Addr // an IPv6 client has a /64 of them, which counts as one
	method, route, code string
	status              int
}

// repeated are refusals that were counted instead of logged.
type repeated struct {
	refusal
	repeats int64
	since   time.Time
}

// refusals keeps a flood of refused requests from filling the log, and the disk
// behind it: of the same refusal the first few in a minute are lines, the rest a
// number. The zero value is ready to use.
type refusals struct {
	// First is how many lines of the same refusal there are in a window; zero
	// means firstLines.
	First int64

	mu    sync.Mutex
	began time.Time
	seen  map[refusal]int64
}

const (
	firstLines     = 10
	refusalsWindow = time.Minute
	// maxRefusals bounds the memory, and with it what clients of very many
	// addresses can write. From then on refusals differ no longer by address.
	maxRefusals = 4096
)

// admit reports whether a refusal is to be logged. When its window is the first
// after another, ended is what was counted in that one.
func (r *refusals) admit(now time.Time, what refusal) (first bool, ended []repeated) {
	if what.ip.Is6() {
		network, _ := what.ip.Prefix(64) // fails for other families alone
		what.ip = network.Addr()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ended = r.end(now, false)
	if _, known := r.seen[what]; !known && len(r.seen) >= maxRefusals {
		what.ip = netip.Addr{}
	}
	if r.seen == nil {
		r.seen = make(map[refusal]int64)
	}
	r.seen[what]++
	return r.seen[what] <= r.limit(), ended
}

// over returns what was counted in a window that is over, or early in this one.
func (r *refusals) over(now time.Time, early bool) []repeated {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end(now, early)
}

// end begins a new window if there is to be one, and returns what was counted
// in the one before.
func (r *refusals) end(now time.Time, early bool) (ended []repeated) {
	if age := now.Sub(r.began); !early && age >= 0 && age < refusalsWindow {
		return nil
	}
	for what, n := range r.seen {
		if n > r.limit() {
			ended = append(ended, repeated{what, n - r.limit(), r.began})
		}
	}
	r.seen, r.began = nil, now
	return ended
}

func (r *refusals) limit() int64 {
	if r.First > 0 {
		return r.First
	}
	return firstLines
}

// client is how the log names the address of a refusal.
func client(ip netip.Addr) string {
	if ip.Is6() {
		return ip.String() + "/64"
	}
	return ip.String()
}
