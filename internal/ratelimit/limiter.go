// Package ratelimit limits how often a client or an account may call an operation.
//
// A limit is a fixed window that begins with the first request in it. "5 per
// minute" accepts five requests and refuses all others until a minute after the
// first of the five. The next request begins a new window.
//
// So in any span as long as the window, a client gets at most twice the limit: at
// the end of one window and the beginning of the next. On average it never gets
// more than the limit. In return, the count is exact and in one row that one
// statement changes. Refused clients also learn to the second when they may retry.
// A sliding window has none of these advantages, and prevents only a burst of a
// factor of two.
//
// The count is in the database, so that all instances together accept no more
// requests than one instance. A key over its limit is refused from memory until its
// window ends, so that a flood causes no queries. Refused requests are not counted
// and do not extend the window.
package ratelimit

import (
	"context"
	"sync"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// A Store is the database that all instances share.
type Store interface {
	RateLimitHit(context.Context, gendb.RateLimitHitParams) (gendb.RateLimitHitRow, error)
	Tx(context.Context, func(*gendb.Queries) error) error
}

// A Hasher returns a keyed hash of a value, which only this server can make. It is a
// [github.com/techtreks/auth/internal/token.Signer].
type Hasher interface {
	Keyed(purpose, value string) string
}

// A Limiter counts requests against limits. All fields are required unless they say
// otherwise.
type Limiter struct {
	Store Store
	Now   func() time.Time
	// Signer hashes the keys: neither the database nor memory holds addresses of people.
	Signer Hasher
	// Size is how many keys are held in memory; zero means [DefaultSize].
	Size int

	once   sync.Once
	memory *memory
}

// DefaultSize limits the memory to about 25 MB, for any number of attacking
// addresses.
const DefaultSize = 100_000

// A Use is the current state of a limit.
type Use struct {
	Limit     Limit
	Remaining int64         // remaining requests in the window
	Reset     time.Duration // until the window ends; more than 0, at most its length
}

// An Outcome is the result of [Limiter.Take].
type Outcome struct {
	// Uses are the limits that the request was counted against, or only the limit
	// that refused it.
	Uses []Use
	// Refused is the limit that refused the request, or nil.
	Refused *Use
	// First marks the first refused request of a window, among all instances. The
	// caller logs only this one, so that a flood does not fill the log.
	First bool
}

// Take counts a request for an operation (what) by an address or account (who)
// against limits. After an error, the request was not counted and must be refused.
func (l *Limiter) Take(ctx context.Context, what, who string, limits []Limit) (Outcome, error) {
	l.once.Do(func() { l.memory = newMemory(l.Size) })
	now := l.Now()
	keys := make([]string, len(limits))
	for i, limit := range limits {
		name := what + "/" + limit.scope()
		keys[i] = name + "/" + l.Signer.Keyed("rate limit", name+"/"+who)
		if w, ok := l.memory.get(keys[i], now, limit.Window); ok && w.hits > limit.Requests {
			return refuse(limit, w, now), nil
		}
	}
	var out Outcome
	count := func(hit func(string, time.Time, Limit) (window, error)) error {
		for i, limit := range limits {
			w, err := hit(keys[i], now, limit)
			if err != nil {
				return err
			}
			if w.hits > limit.Requests {
				l.memory.put(keys[i], w)
				out = refuse(limit, w, now)
				return nil
			}
			out.Uses = append(out.Uses, use(limit, w, now))
		}
		return nil
	}
	switch {
	case len(limits) == 0:
		return out, nil
	case limits[0].InProcess:
		return out, count(l.memory.hit)
	case len(limits) == 1:
		return out, count(inStore(ctx, l.Store))
	}
	// One commit for all limits. A failed commit has counted nothing. A key that is
	// already in memory then stays refused a little longer than necessary.
	err := l.Store.Tx(ctx, func(q *gendb.Queries) error {
		out = Outcome{}
		return count(inStore(ctx, q))
	})
	return out, err
}

// inStore counts in the database. A single statement counts and decides, so that
// exactly the allowed number of concurrent requests is accepted.
func inStore(ctx context.Context, q interface {
	RateLimitHit(context.Context, gendb.RateLimitHitParams) (gendb.RateLimitHitRow, error)
}) func(string, time.Time, Limit) (window, error) {
	return func(key string, now time.Time, limit Limit) (window, error) {
		row, err := q.RateLimitHit(ctx, gendb.RateLimitHitParams{Key: key, Now: now, ExpiresAt: now.Add(limit.Window)})
		return window{hits: row.Hits, until: row.ExpiresAt}, err
	}
}

func use(limit Limit, w window, now time.Time) Use {
	// After a change of the clock, the rest of a window may seem longer than the
	// window.
	reset := min(max(w.until.Sub(now), 1), limit.Window)
	return Use{Limit: limit, Remaining: max(limit.Requests-w.hits, 0), Reset: reset}
}

func refuse(limit Limit, w window, now time.Time) Outcome {
	refused := use(limit, w, now)
	return Outcome{Uses: []Use{refused}, Refused: &refused, First: w.hits == limit.Requests+1 && !w.reported}
}
