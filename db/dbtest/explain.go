package dbtest

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
)

// Explainer runs queries and records the query plan of each.
type Explainer struct {
	gendb.DBTX
	T    testing.TB
	Kind db.Kind
	// Plans has one text for each query: the query, then its plan. The test may
	// clear it.
	Plans []string
}

// Explain returns an Explainer for the queries of d.
func Explain(t testing.TB, d *db.DB) *Explainer {
	return &Explainer{DBTX: d.DB, T: t, Kind: d.Kind}
}

// QueryContext records the plan and runs the query.
func (e *Explainer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.Explain(ctx, query, args...)
	return e.DBTX.QueryContext(ctx, query, args...)
}

// QueryRowContext records the plan and runs the query.
func (e *Explainer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	e.Explain(ctx, query, args...)
	return e.DBTX.QueryRowContext(ctx, query, args...)
}

// Explain records the plan of a query without running it.
func (e *Explainer) Explain(ctx context.Context, query string, args ...any) {
	e.T.Helper()
	prefix := "EXPLAIN QUERY PLAN "
	if e.Kind == db.Postgres {
		prefix = "EXPLAIN "
	}
	rows, err := e.DBTX.QueryContext(ctx, prefix+query, args...)
	if err != nil {
		e.T.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		e.T.Fatal(err)
	}
	plan := []string{query}
	for rows.Next() {
		var line string
		into := make([]any, len(columns)) // the last column is the text
		for i := range into {
			into[i] = new(any)
		}
		into[len(into)-1] = &line
		if err := rows.Scan(into...); err != nil {
			e.T.Fatal(err)
		}
		plan = append(plan, line)
	}
	if err := rows.Err(); err != nil {
		e.T.Fatal(err)
	}
	e.Plans = append(e.Plans, strings.Join(plan, "\n"))
}
