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

// BenchmarkTrailMillion is what docs/audit.md says of a long trail: a page, a login
// and a batch of the sweep cost the same with a thousand events and with a million.
// Filling takes a while, so that "make million" runs it and nothing else.
func BenchmarkTrailMillion(b *testing.B) {
	dbtest.Run(b, func(b *testing.B, d *db.DB) {
		start := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
		trail := &Trail{DB: d, Signer: &token.Signer{Keys: [][]byte{[]byte("key")}}, Now: func() time.Time { return start }}
		size := 0
		for _, until := range []int{1_000, 1_000_000} {
			lengthen(b, d, start, size, until)
			size = until
			for _, one := range []struct {
				name string
				do   func(ctx context.Context) error
			}{
				{"the newest", listing(trail, Filter{})},
				{"one event", listing(trail, Filter{Event: LoginFail})},
				{"one user", listing(trail, Filter{User: 7})},
				{"one address", listing(trail, Filter{Address: "192.0.2.7"})},
				{"own activity", func(ctx context.Context) error {
					_, _, err := trail.Own(ctx, d.Queries, 7, "", 50)
					return err
				}},
				{"the last login", func(ctx context.Context) error {
					_, err := d.AuditLastLogin(ctx, sql.NullInt64{Int64: 7, Valid: true})
					return err
				}},
				{"an event more", func(ctx context.Context) error {
					return d.AuditAdd(ctx, trail.row(ctx, Entry{Event: LoginFail, Subject: 7, Origin: Origin{Address: "192.0.2.7"}}))
				}},
			} {
				b.Run(fmt.Sprintf("%s of %d", one.name, size), func(b *testing.B) {
					for b.Loop() {
						if err := one.do(b.Context()); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
		sweeping(b, d, start)
	})
}

// sweeping measures batches of the sweep, which hold SQLite's one writer.
func sweeping(b *testing.B, d *db.DB, start time.Time) {
	var longest time.Duration
	b.Run("a batch of the sweep", func(b *testing.B) {
		for b.Loop() {
			begun := time.Now()
			if _, err := d.AuditDeleteOld(b.Context(), gendb.AuditDeleteOldParams{Before: start.AddDate(1, 0, 0), MaxRows: sweepBatch}); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(begun))
		}
		b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
	})
}

func listing(t *Trail, f Filter) func(context.Context) error {
	return func(ctx context.Context) error {
		_, _, err := t.List(ctx, f, "", 50)
		return err
	}
}

// lengthen adds the events after one number until another, a second apart, of a
// thousand accounts and from a thousand addresses.
func lengthen(b *testing.B, d *db.DB, start time.Time, after, until int) {
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
	for ; after < until; after += 25_000 { // a statement may take five seconds
		if _, err := d.ExecContext(b.Context(), statement, start, after, min(after+25_000, until)); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := d.ExecContext(b.Context(), "ANALYZE"); err != nil {
		b.Fatal(err)
	}
}
