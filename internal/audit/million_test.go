package audit

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/token"
)

// BenchmarkTrailMillion proves the claim of docs/audit.md about a long trail: a page, a login and
// a batch of the sweep cost the same with a thousand events and with a million. Inserting
// takes a while, so only "make million" runs it.
func BenchmarkTrailMillion(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		start := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
		trail := &Trail{DB: d, Signer: &token.Signer{Keys: [][]byte{[]byte("key")}}, Now: func() time.Time { return start }}
		size := 0
		for _, until := range []int{1_000, 1_000_000} {
			addEvents(b, d, start, size, until)
			size = until
			for _, tc := range []struct {
				name string
				do   func(ctx context.Context) error
			}{
				{"newest", listPage(trail, Filter{})},
				{"by event", listPage(trail, Filter{Event: LoginFail})},
				{"by user", listPage(trail, Filter{User: 7})},
				{"by address", listPage(trail, Filter{Address: "192.0.2.7"})},
				{"own activity", func(ctx context.Context) error {
					_, _, err := trail.Own(ctx, d.Queries, 7, "", 50)
					return err
				}},
				{"last login", func(ctx context.Context) error {
					_, err := d.AuditLastLogin(ctx, sql.NullInt64{Int64: 7, Valid: true})
					return err
				}},
				{"insert", func(ctx context.Context) error {
					return d.AuditAdd(ctx, trail.row(ctx, Entry{Event: LoginFail, Subject: 7, Origin: Origin{Address: "192.0.2.7"}}))
				}},
			} {
				b.Run(fmt.Sprintf("%s of %d", tc.name, size), func(b *testing.B) {
					for b.Loop() {
						if err := tc.do(b.Context()); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
		benchmarkSweep(b, d, start)
	})
}

// benchmarkSweep measures batches of the sweep, which occupy the only writer of SQLite.
func benchmarkSweep(b *testing.B, d *db.DB, start time.Time) {
	var longest time.Duration
	b.Run("sweep batch", func(b *testing.B) {
		for b.Loop() {
			start := time.Now()
			if _, err := d.AuditDeleteOld(b.Context(), gendb.AuditDeleteOldParams{Before: start.AddDate(1, 0, 0), MaxRows: sweepBatch}); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(start))
		}
		b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
	})
}

// listPage returns a function that lists the first page of a filter.
func listPage(t *Trail, f Filter) func(context.Context) error {
	return func(ctx context.Context) error {
		_, _, err := t.List(ctx, f, "", 50)
		return err
	}
}

// addEvents inserts the events with numbers from after+1 to until, one second apart, of a
// thousand accounts and from a thousand addresses.
func addEvents(b *testing.B, d *db.DB, start time.Time, after, until int) {
	statement := `WITH RECURSIVE n (i) AS (SELECT CAST($2 AS BIGINT) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST($3 AS BIGINT))
		INSERT INTO audit_events (created_at, event, outcome, reason, operation, actor_id, user_id, ip, user_agent, request_id, session_hash, repeats)
		SELECT TIME, CASE WHEN i % 3 = 0 THEN 'authn_login_success' ELSE 'authn_login_fail' END, 'failure', 'invalid_credentials', 'login',
			CASE WHEN i % 3 = 0 THEN i % 1000 END, i % 1000, '192.0.2.' || i % 1000, 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
			'5GJ2XQ7KZC4VTB6MW3RNHD5YAE', 'W_WBVgYxVp1L', 0 FROM n`
	at := "$1 + i * 1000000" // microseconds
	if d.Kind == db.Postgres {
		at = "CAST($1 AS TIMESTAMPTZ) + i * INTERVAL '1 second'"
	}
	statement = strings.Replace(statement, "TIME", at, 1)
	for ; after < until; after += 25_000 { // a statement has a timeout of five seconds
		if _, err := d.ExecContext(b.Context(), statement, start, after, min(after+25_000, until)); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := d.ExecContext(b.Context(), "ANALYZE"); err != nil {
		b.Fatal(err)
	}
}
