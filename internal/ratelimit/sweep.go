package ratelimit

import (
	"context"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// A SweepStore is the database that [Sweep] deletes from.
type SweepStore interface {
	RateLimitsDeleteExpired(context.Context, gendb.RateLimitsDeleteExpiredParams) (int64, error)
	LoginAttemptsDeleteExpired(context.Context, gendb.LoginAttemptsDeleteExpiredParams) (int64, error)
}

// sweepBatch is how many rows one statement deletes. It holds SQLite's one writer for
// milliseconds, however many clients were counted.
const sweepBatch = 1000

// Sweep deletes expired counts and returns their number.
func Sweep(ctx context.Context, store SweepStore, now time.Time) (deleted int64, err error) {
	for n := int64(sweepBatch); n == sweepBatch; deleted += n {
		if n, err = store.RateLimitsDeleteExpired(ctx, gendb.RateLimitsDeleteExpiredParams{Now: now, MaxRows: sweepBatch}); err != nil {
			return deleted, err
		}
	}
	for n := int64(sweepBatch); n == sweepBatch; deleted += n {
		if n, err = store.LoginAttemptsDeleteExpired(ctx, gendb.LoginAttemptsDeleteExpiredParams{Now: now, MaxRows: sweepBatch}); err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}
