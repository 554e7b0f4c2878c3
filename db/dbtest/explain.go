package dbtest

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
)

// Explaining runs queries, and notes how the database goes about each.
type Explaining struct {
	gendb.DBTX
	T    testing.TB
	Kind db.Kind
	// Plans has a text for each query, which it begins with, until the test
	// empties it.
	Plans []string
}

// Explain returns what explains the queries of an open database.
func Explain(t testing.TB, d *db.DB) *Explaining {
	return &Explaining{DBTX: d.DB, T: t, Kind: d.Kind}
}

// QueryContext is that of [gendb.DBTX].
func (e *Explaining) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.Explain(ctx, query, args...)
	return e.DBTX.QueryContext(ctx, query, args...)
}

// QueryRowContext is that of [gendb.DBTX].
func (e *Explaining) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	e.Explain(ctx, query, args...)
	return e.DBTX.QueryRowContext(ctx, query, args...)
}

// Explain notes how the database would go about a query, without running it.
func (e *Explaining) Explain(ctx context.Context, query string, args ...any) {
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
		into := make([]any, len(columns)) // the text comes last
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
