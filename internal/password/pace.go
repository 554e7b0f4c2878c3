package password

import (
	"sync"
	"time"
)

// A pace remembers how long the latest hashes of today's cost took, so that a
// refusal that took less work can be given the time of one that took it all. A
// sum of smaller hashes does not do: memory is paid for by the page, not by the
// byte, and two hashes of 9 and 10 MiB are told from one of 19 by anybody who asks
// often. Its methods may be called at the same time.
type pace struct {
	mu     sync.Mutex
	latest [64]time.Duration // a ring
	count  int
	drawn  int
}

// note remembers one duration.
func (p *pace) note(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latest[p.count%len(p.latest)] = took
	p.count++
}

// draw returns the remembered durations one after the other, so that not only the
// middle but the spread is that of a real hash. It is false until there is one.
func (p *pace) draw() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 {
		return 0, false
	}
	p.drawn++
	return p.latest[p.drawn%min(p.count, len(p.latest))], true
}
