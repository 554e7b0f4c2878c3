package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
)

// history inserts 20,000 events of 40 users from 50 addresses, two at each time. One in 100 is a
// failed login, and one in ten has another user as the actor.
const history = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO audit_events (created_at, event, outcome, reason, operation, actor_id, user_id, ip, user_agent, request_id, repeats)
SELECT %s, CASE WHEN i %% 100 = 0 THEN 'authn_login_fail' ELSE 'session_created' END, 'success', '', '',
	CASE WHEN i %% 10 = 0 THEN 1 ELSE i %% 40 + 1 END, i %% 40 + 1, '192.0.2.' || (i %% 50), '', '', 0 FROM n`

// addHistory inserts history.
func (b *bundle) addHistory(t *testing.T) {
	t.Helper()
	at := fmt.Sprintf("%d + i / 2 * 1000000", b.now.UnixMicro())
	if b.DB.Kind == db.Postgres {
		at = fmt.Sprintf("to_timestamp(%d + i / 2)", b.now.Unix())
	}
	for _, statement := range []string{fmt.Sprintf(history, at), "ANALYZE"} {
		if _, err := b.DB.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

var filters = map[string]Filter{
	"all": {}, "event": {Event: LoginFail}, "user": {User: 1}, "address": {Address: "192.0.2.7"}, "unknown user": {User: 999},
	"user and event": {User: 1, Event: LoginFail}, "address and event": {Address: "192.0.2.0", Event: LoginFail},
	"all three": {User: 1, Address: "192.0.2.0", Event: LoginFail},
}

// Every matching event is on exactly one page, newest first.
func TestList_PagesContainEachEventOnce(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.addHistory(t)
		for name, f := range filters {
			f.Since, f.Until = b.now.Add(5000*time.Second), b.now.Add(5300*time.Second)
			where := fmt.Sprintf("($1 = '' OR event = $1) AND ($2 = '' OR ip = $2) AND (%d = 0 OR user_id = %[1]d OR actor_id = %[1]d) AND created_at >= $3 AND created_at < $4", f.User)
			if b.DB.Kind == db.Postgres {
				where = strings.NewReplacer("$1 = ''", "CAST($1 AS TEXT) = ''", "$2 = ''", "CAST($2 AS TEXT) = ''").Replace(where)
			}
			rows, err := b.DB.QueryContext(t.Context(), "SELECT id FROM audit_events WHERE "+where+" ORDER BY id DESC", string(f.Event), f.Address, f.Since, f.Until)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []int64
			for rows.Next() {
				var id int64
				if err := rows.Scan(&id); err != nil {
					t.Fatal(err)
				}
				want = append(want, id)
			}
			_ = rows.Close()
			if len(want) == 0 && name != "unknown user" {
				t.Errorf("%s: no event matches", name)
			}
			for limit, from := 7, ""; ; {
				page, next, err := b.List(t.Context(), f, from, limit)
				if err != nil || len(page) > limit {
					t.Fatalf("%s: %d events, %v", name, len(page), err)
				}
				for _, e := range page {
					got = append(got, e.ID)
				}
				if from = next; from == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d events %v, want %d %v", name, len(got), got, len(want), want)
			}
		}
	})
}

// usesIndex reports whether a query plan finds events by an index. On SQLite the index must
// also give the order. PostgreSQL may sort, which it does for few rows.
func usesIndex(kind db.Kind, plan string) bool {
	if kind == db.Postgres {
		return strings.Contains(plan, "Index Cond") && !strings.Contains(plan, "Seq Scan")
	}
	return strings.Contains(plan, "USING INDEX audit_events_") && !strings.Contains(plan, "SCAN") && !strings.Contains(plan, "TEMP B-TREE")
}

// Every filter is served by an index: no query reads the whole table.
func TestList_UsesIndexes(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.addHistory(t)
		e := dbtest.Explain(t, b.DB)
		b.Trail.DB = &db.DB{DB: b.DB.DB, Queries: gendb.New(e), Kind: b.DB.Kind}
		check := func(name string, err error) {
			t.Helper()
			if err != nil || len(e.Plans) == 0 {
				t.Fatalf("%s: %d plans, %v", name, len(e.Plans), err)
			}
			for _, plan := range e.Plans {
				if !usesIndex(e.Kind, plan) {
					t.Errorf("%s:\n%s", name, plan)
				}
			}
			e.Plans = nil
		}
		for name, f := range filters {
			_, _, err := b.List(t.Context(), f, "", 50)
			check(name, err)
			f.Since, f.Until = b.now, b.now.Add(100*time.Second)
			_, _, err = b.List(t.Context(), f, "", 50)
			check(name+" with period", err)
		}
		_, _, err := b.Own(t.Context(), b.Trail.DB.Queries, 1, "", 50)
		check("own", err)
		rows, err := e.QueryContext(t.Context(), "SELECT id FROM audit_events WHERE outcome = 'failure'")
		if err != nil || usesIndex(e.Kind, e.Plans[0]) {
			t.Errorf("a query without an index passes the check: %v\n%s", err, e.Plans)
		}
		_ = rows.Close()
	})
}

// Only events older than Keep are deleted, in batches. With Keep 0 none are.
func TestSweep_DeletesOnlyOldEvents(t *testing.T) {
	run(t, func(t *testing.T, b *bundle) {
		b.addHistory(t)
		b.now = b.now.Add(90*24*time.Hour + 2500*time.Second)
		if n, err := b.Sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("without Keep, %d were deleted (%v)", n, err)
		}
		b.Keep = 90 * 24 * time.Hour
		if n, err := b.Sweep(t.Context()); n != 4999 || err != nil {
			t.Errorf("%d deleted (%v)", n, err)
		}
		var left int
		if err := b.DB.QueryRowContext(t.Context(), "SELECT count(*) FROM audit_events").Scan(&left); err != nil || left != 15001 {
			t.Errorf("%d left (%v)", left, err)
		}
	})
}
