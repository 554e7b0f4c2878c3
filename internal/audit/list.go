package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
)

// A Filter selects the events to list. Empty and zero fields select all.
type Filter struct {
	Event   Event
	User    int64  // the actor or the subject
	Address string // as stored
	// Since is inclusive, Until exclusive.
	Since, Until time.Time
}

// endOfTime replaces a missing Until.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// List returns a page of at most limit events, newest first, and the cursor of the next page,
// which is empty after the last page. from is the cursor, empty for the first page.
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

// Own returns a page of the events that the owner of an account may see, like List. q is the
// database, or a view of it.
func (t *Trail) Own(ctx context.Context, q *gendb.Queries, userID int64, from string, limit int) (page []gendb.AuditEvent, next string, err error) {
	p, err := Filter{User: userID}.params(from, limit)
	if err != nil {
		return nil, "", err
	}
	rows, err := q.AuditOwn(ctx, gendb.AuditOwnParams{UserID: p.UserID, Before: p.Before, BeforeID: p.BeforeID, MaxRows: p.MaxRows})
	page, next = cut(rows, limit)
	return page, next, err
}

// ofUser merges the events with the user as the actor and as the subject. Most have both.
func (t *Trail) ofUser(ctx context.Context, p gendb.AuditOfSubjectParams) ([]gendb.AuditEvent, error) {
	asActor, err := t.DB.AuditOfActor(ctx, gendb.AuditOfActorParams(p))
	if err != nil {
		return nil, err
	}
	rows, err := t.DB.AuditOfSubject(ctx, p)
	if err != nil {
		return nil, err
	}
	rows = append(rows, asActor...)
	slices.SortFunc(rows, func(a, b gendb.AuditEvent) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return slices.CompactFunc(rows, func(a, b gendb.AuditEvent) bool { return a.ID == b.ID }), nil
}

// params returns the parameters that all queries share, as the type of the query with the
// most. It requests one row more than a page, to find out whether there is another page.
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
		return p, fmt.Errorf("audit: invalid cursor: %w", err)
	}
	p.Before = time.UnixMicro(at)
	return p, nil
}

// cut splits off the additional row and returns the cursor of the next page.
func cut(rows []gendb.AuditEvent, limit int) (page []gendb.AuditEvent, next string) {
	if len(rows) <= limit {
		return rows, ""
	}
	last := rows[limit-1]
	return rows[:limit], fmt.Sprintf("%d.%d", last.CreatedAt.UnixMicro(), last.ID)
}

// sweepBatch bounds how long a sweep occupies the only writer of SQLite: about 25 ms with a
// million events, because each row has entries in five indexes.
const sweepBatch = 200

// Sweep deletes events older than Keep and returns their number. Each batch is a separate
// transaction, so that other writers do not wait long.
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
