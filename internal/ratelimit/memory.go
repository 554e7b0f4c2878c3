package ratelimit

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A window is the count of a key and the end of its window.
type window struct {
	hits     int64
	until    time.Time
	reported bool // whether a refusal was already returned as First
}

// memory stores a bounded number of keys and evicts the least recently used. So the
// key of a persistent attacker stays in memory, and a flood of addresses with one
// request each evicts its own keys.
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

// get returns the window of a key if it has not ended. A window with more time left
// than its length is from before the clock was set back, and is deleted.
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

// put stores a window that is over its limit.
func (m *memory) put(key string, w window) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.reported = true
	m.keys.Add(key, w)
}

// hit counts a request only in memory.
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
