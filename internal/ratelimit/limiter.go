// Package ratelimit says how often somebody may do something.
//
// A limit is a fixed window that begins with the first request in it: "5 per
// minute" lets five requests through, refuses all others until a minute after the
// first of the five, and begins anew with the next. So a client gets at most twice
// the number in any span as long as the window (at the end of one and the beginning
// of the next), and never more than the number on average. In return the count is
// exact, it is one row that one statement changes, and whoever is refused is told to
// the second when that ends; a sliding window has none of this, and the burst that
// it prevents is a factor of two.
//
// The count is in the database, so that any number of instances that share it let
// through together what one would. A key that is over its limit is then refused out
// of memory, until its window ends: a flood costs no query. Refused requests are not
// counted and do not prolong anything.
package ratelimit

import (
	"context"
	"sync"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// A Store is the database that the instances share.
type Store interface {
	RateLimitHit(context.Context, gendb.RateLimitHitParams) (gendb.RateLimitHitRow, error)
	Tx(context.Context, func(*gendb.Queries) error) error
}

// A Limiter counts. All fields are required unless they say otherwise.
type Limiter struct {
	Store Store
	Now   func() time.Time
	// Hash makes a key of a value, for a purpose, that only the server can make:
	// neither the database nor memory holds addresses of people.
	Hash func(purpose, value string) string
	// Size is how many keys are held in memory; zero means [DefaultSize].
	Size int

	once   sync.Once
	memory *memory
}

// DefaultSize bounds the memory to some 25 MB, however many addresses attack.
const DefaultSize = 100_000

// A Use is what has been used of a limit.
type Use struct {
	Limit     Limit
	Remaining int64         // requests that are left in the window
	Reset     time.Duration // until the window ends; more than 0, at most its length
}

// An Outcome says whether a request may go on.
type Outcome struct {
	// Uses are the limits that the request was counted against, or the one that
	// refuses it.
	Uses []Use
	// Refused is the limit that lets no more requests through now, or nil.
	Refused *Use
	// First marks the one request of a window, among all instances, that was the
	// first to be refused: the moment for a note, which a flood must not repeat.
	First bool
}

// Take counts a request by somebody (an address, an account) for something (an
// operation) against limits, and says whether it may go on. An error means that
// it could not be counted, and must not go on.
func (l *Limiter) Take(ctx context.Context, what, who string, limits []Limit) (Outcome, error) {
	l.once.Do(func() { l.memory = newMemory(l.Size) })
	now := l.Now()
	keys := make([]string, len(limits))
	for i, limit := range limits {
		name := what + "/" + limit.scope()
		keys[i] = name + "/" + l.Hash("rate limit", name+"/"+who)
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
	// One commit for all of them. A commit that fails has counted nothing, so
	// what memory then refuses may come back a little later than it could.
	err := l.Store.Tx(ctx, func(q *gendb.Queries) error {
		out = Outcome{}
		return count(inStore(ctx, q))
	})
	return out, err
}

// inStore counts in the database. One statement decides, so that of any number
// of requests at once exactly as many get through as may.
func inStore(ctx context.Context, q interface {
	RateLimitHit(context.Context, gendb.RateLimitHitParams) (gendb.RateLimitHitRow, error)
}) func(string, time.Time, Limit) (window, error) {
	return func(key string, now time.Time, limit Limit) (window, error) {
		row, err := q.RateLimitHit(ctx, gendb.RateLimitHitParams{Key: key, Now: now, ExpiresAt: now.Add(limit.Window)})
		return window{hits: row.Hits, until: row.ExpiresAt}, err
	}
}

func use(limit Limit, w window, now time.Time) Use {
	// However a clock has been set meanwhile, a window is no longer than itself.
	reset := min(max(w.until.Sub(now), 1), limit.Window)
	return Use{Limit: limit, Remaining: max(limit.Requests-w.hits, 0), Reset: reset}
}

func refuse(limit Limit, w window, now time.Time) Outcome {
	refused := use(limit, w, now)
	return Outcome{Uses: []Use{refused}, Refused: &refused, First: w.hits == limit.Requests+1 && !w.told}
}
