package ratelimit

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A window is how often a key was counted, and until when that holds.
type window struct {
	hits  int64
	until time.Time
	told  bool // that it is used up
}

// memory holds a bounded number of keys. The one that has not been asked for
// for the longest time goes first, so that whoever keeps attacking stays known,
// and a flood of addresses that come once pushes out others of their kind.
type memory struct {
	mu   sync.Mutex
	keys *simplelru.LRU[string, window]
}

func newMemory(size int) *memory {
	if size <= 0 {
		size = DefaultSize
	}
	keys, err := simplelru.NewLRU[string, window](size, nil)
	if err != nil {
		panic("ratelimit: " + err.Error()) // the size is positive
	}
	return &memory{keys: keys}
}

// get returns the window of a key, if it has not ended. One that ends later than
// it could have begun was made before the clock was set back, and is void.
func (m *memory) get(key string, now time.Time, length time.Duration) (window, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live(key, now, length)
}

func (m *memory) live(key string, now time.Time, length time.Duration) (window, bool) {
	w, ok := m.keys.Get(key)
	if !ok {
		return window{}, false
	}
	if left := w.until.Sub(now); left <= 0 || left > length {
		m.keys.Remove(key)
		return window{}, false
	}
	return w, true
}

// put remembers a window that is used up.
func (m *memory) put(key string, w window) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.told = true
	m.keys.Add(key, w)
}

// hit counts a request in memory alone.
func (m *memory) hit(key string, now time.Time, limit Limit) (window, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, ok := m.live(key, now, limit.Window)
	if !ok {
		w = window{until: now.Add(limit.Window)}
	}
	w.hits++
	m.keys.Add(key, w)
	return w, nil
}
