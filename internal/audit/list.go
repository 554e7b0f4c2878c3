package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// A Filter says which events to list. What is empty or zero does not matter.
type Filter struct {
	Event   Event
	User    int64  // did it, or it was done to them
	Address string // as the trail has it
	// Since is the earliest time, Until the first that is too late.
	Since, Until time.Time
}

// The end of time for a filter without one.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// List returns a page of events, the newest first: at most limit of them, and
// where the next page begins, empty after the last. from is empty for the first
// page.
func (t *Trail) List(ctx context.Context, f Filter, from string, limit int) (page []gendb.AuditEvent, next string, err error) {
	p, err := f.params(from, limit)
	if err != nil {
		return nil, "", err
	}
	var rows []gendb.AuditEvent
	switch {
	case f.User != 0:
		rows, err = t.ofUser(ctx, p)
	case f.Address != "":
		rows, err = t.DB.AuditByAddress(ctx, gendb.AuditByAddressParams{
			Ip: p.Ip, Event: p.Event, Since: p.Since, Before: p.Before, BeforeID: p.BeforeID, MaxRows: p.MaxRows,
		})
	case f.Event != "":
		rows, err = t.DB.AuditByEvent(ctx, gendb.AuditByEventParams{
			Event: p.Event, Since: p.Since, Before: p.Before, BeforeID: p.BeforeID, MaxRows: p.MaxRows,
		})
	default:
		rows, err = t.DB.AuditByTime(ctx, gendb.AuditByTimeParams{
			Since: p.Since, Before: p.Before, BeforeID: p.BeforeID, MaxRows: p.MaxRows,
		})
	}
	page, next = cut(rows, limit)
	return page, next, err
}

// Own returns a page of what somebody may see of what happened to their account,
// like List. q is the database, or a view of it.
func (t *Trail) Own(ctx context.Context, q *gendb.Queries, userID int64, from string, limit int) (page []gendb.AuditEvent, next string, err error) {
	p, err := Filter{User: userID}.params(from, limit)
	if err != nil {
		return nil, "", err
	}
	rows, err := q.AuditOwn(ctx, gendb.AuditOwnParams{UserID: p.UserID, Before: p.Before, BeforeID: p.BeforeID, MaxRows: p.MaxRows})
	page, next = cut(rows, limit)
	return page, next, err
}

// ofUser merges what somebody did with what was done to them. Most of it is both.
func (t *Trail) ofUser(ctx context.Context, p gendb.AuditOfSubjectParams) ([]gendb.AuditEvent, error) {
	done, err := t.DB.AuditOfActor(ctx, gendb.AuditOfActorParams(p))
	if err != nil {
		return nil, err
	}
	rows, err := t.DB.AuditOfSubject(ctx, p)
	if err != nil {
		return nil, err
	}
	rows = append(rows, done...)
	slices.SortFunc(rows, func(a, b gendb.AuditEvent) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return slices.CompactFunc(rows, func(a, b gendb.AuditEvent) bool { return a.ID == b.ID }), nil
}

// params are those of the query with the most of them. One row more than a page
// tells whether there is another.
func (f Filter) params(from string, limit int) (gendb.AuditOfSubjectParams, error) {
	p := gendb.AuditOfSubjectParams{
		UserID: number(f.User), Event: string(f.Event), Ip: f.Address, Since: f.Since, Before: f.Until, MaxRows: int64(limit) + 1,
	}
	if p.Since.IsZero() {
		p.Since = time.Unix(0, 0)
	}
	if p.Before.IsZero() {
		p.Before = endOfTime
	}
	if from == "" {
		return p, nil
	}
	var at int64
	if _, err := fmt.Sscanf(from, "%d.%d", &at, &p.BeforeID); err != nil {
		return p, fmt.Errorf("audit: where the page begins: %w", err)
	}
	p.Before = time.UnixMicro(at)
	return p, nil
}

func cut(rows []gendb.AuditEvent, limit int) (page []gendb.AuditEvent, next string) {
	if len(rows) <= limit {
		return rows, ""
	}
	last := rows[limit-1]
	return rows[:limit], fmt.Sprintf("%d.%d", last.CreatedAt.UnixMicro(), last.ID)
}

// sweepBatch bounds how long a sweep keeps SQLite's one writer: some 25 ms in a trail
// of a million events, five indexes of which each row has its places in.
const sweepBatch = 200

// Sweep deletes what is older than Keep, and returns how much. Each batch is a
// transaction of its own, so that others get their turn in between.
func (t *Trail) Sweep(ctx context.Context) (total int64, err error) {
	if t.Keep == 0 {
		return 0, nil
	}
	before := t.Now().Add(-t.Keep)
	for n := int64(sweepBatch); n == sweepBatch && err == nil; total += n {
		n, err = t.DB.AuditDeleteOld(ctx, gendb.AuditDeleteOldParams{Before: before, MaxRows: sweepBatch})
	}
	return total, err
}
