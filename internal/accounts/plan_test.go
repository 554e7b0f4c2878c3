package accounts_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
)

// crowd inserts the accounts with numbers from $2 + 1 to $3. Of a thousand, one is an
// administrator and one a moderator, ten are disabled, and a hundred have no confirmed
// address.
const crowd = `WITH RECURSIVE n (i) AS (SELECT CAST($2 AS BIGINT) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST($3 AS BIGINT))
INSERT INTO users (username, username_key, email, email_key, role, locale, disabled_at, email_verified_at, created_at, updated_at)
SELECT 'user' || i, 'user' || i, 'user' || i || '@example.com', 'user' || i || '@example.com',
	CASE WHEN i % 1000 = 7 THEN 'admin' WHEN i % 1000 = 8 THEN 'moderator' ELSE 'user' END, 'en',
	CASE WHEN i % 100 = 9 THEN $1 END, CASE WHEN i % 10 <> 1 THEN $1 END, $1, $1 FROM n`

func fill(t testing.TB, d *db.DB, after, until int) {
	t.Helper()
	statement := crowd
	if d.Kind == db.Postgres {
		statement = strings.ReplaceAll(statement, "$1", "CAST($1 AS TIMESTAMPTZ)")
	}
	for ; after < until; after += 50_000 { // a statement may take five seconds
		if _, err := d.ExecContext(t.Context(), statement, now, after, min(after+50_000, until)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
}

func TestList_ReadsOnlyThePage(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		fill(t, d, 0, 20_000)
		noListReadsAll(t, d)
	})
}

// noListReadsAll checks that every filter is served by an index: no query reads all
// accounts or sorts them.
func noListReadsAll(t testing.TB, d *db.DB) {
	t.Helper()
	e := dbtest.Explain(t, d)
	k := &accounts.Manager{DB: &db.DB{DB: d.DB, Queries: gendb.New(e), Kind: d.Kind}}
	check := func(what string) {
		t.Helper()
		if len(e.Plans) == 0 {
			t.Fatalf("%s: no query was run", what)
		}
		for _, plan := range e.Plans {
			if !usesIndex(d.Kind, plan) {
				t.Errorf("%s: the plan reads or sorts all accounts:\n%s", what, plan)
			}
		}
		e.Plans = nil
	}
	for _, f := range filters() {
		for _, search := range []string{"", "user1", "user1@"} {
			f.Search = search
			if _, _, err := k.List(t.Context(), f, "", 50); err != nil {
				t.Fatal(err)
			}
			check(named(f))
		}
	}
	if _, err := k.DB.AdminOther(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	check("another administrator")
	e.Explain(t.Context(), "SELECT * FROM users WHERE locale = 'de'")
	if usesIndex(d.Kind, e.Plans[0]) {
		t.Errorf("usesIndex accepts a plan without an index:\n%s", e.Plans[0])
	}
}

var searches = regexp.MustCompile(`SEARCH \w+ USING (COVERING )?(INDEX|INTEGER PRIMARY KEY)`)

// usesIndex reports whether a query plan finds accounts by an index that also gives the
// order.
func usesIndex(kind db.Kind, plan string) bool {
	if kind == db.Postgres {
		return strings.Contains(plan, "Index Cond") && !strings.Contains(plan, "Seq Scan") && !strings.Contains(plan, "Sort")
	}
	return searches.MatchString(plan) && !strings.Contains(plan, "SCAN") && !strings.Contains(plan, "TEMP B-TREE")
}
