package password

import (
	"sync"
	"time"
)

// hashTimes stores the durations of the latest hashes with the current parameters.
// [Hasher.padTime] uses them to delay the rejection of a cheaper hash. Computing a
// second, smaller hash instead would not hide the difference: memory is allocated
// in pages, and many measurements distinguish two hashes of 9 and 10 MiB from one
// of 19 MiB. The methods are safe for concurrent use.
type hashTimes struct {
	mu     sync.Mutex
	latest [64]time.Duration // a ring
	count  int               // number of added durations
	read   int               // number of returned durations
}

// add stores one duration.
func (t *hashTimes) add(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latest[t.count%len(t.latest)] = took
	t.count++
}

// next returns the stored durations in turn, so that the delays have not only the
// mean but also the variance of real hashes. It returns false if none is stored.
func (t *hashTimes) next() (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == 0 {
		return 0, false
	}
	t.read++
	return t.latest[t.read%min(t.count, len(t.latest))], true
}
