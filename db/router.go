package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errWait means that no connection became free in time. Answering "try again"
// soon is kinder than a queue that only grows: whoever waits in it holds a
// request open.
var errWait = errors.New("no database connection became free in time")

// router is what the generated queries run on outside of transactions. On
// SQLite a SELECT goes to the readers, which wait for nobody under WAL, and all
// else to the one writer. On PostgreSQL everything goes to the one pool.
//
// database/sql waits for a free connection for as long as the context lets it;
// the router bounds that wait, and that wait alone, so a slow statement keeps
// the time it was given.
type router struct {
	readers *sql.DB // SQLite only
	writer  *sql.DB
	wait    time.Duration // for a connection; on SQLite for the file lock as well
}

// PrepareContext prepares SELECTs on SQLite's readers. For everything else it
// returns no statement, on which the generated code calls the methods below.
func (r *router) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if r.readers == nil || !isSelect(query) {
		return nil, nil
	}
	return r.readers.PrepareContext(ctx, query)
}

// ExecContext runs a statement that returns no rows on the writer.
func (r *router) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	conn, settle, err := r.take(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	defer settle()
	return conn.ExecContext(ctx, query, args...)
}

// QueryContext runs a statement that returns rows on the writer.
func (r *router) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, settle, err := r.take(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	settle()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go func() { _ = conn.Close() }() // waits until the rows are closed
	return rows, nil
}

// QueryRowContext runs a statement that returns one row on the writer.
func (r *router) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	conn, settle, err := r.take(ctx)
	if err != nil {
		return errRow(err)
	}
	row := conn.QueryRowContext(ctx, query, args...)
	settle()
	go func() { _ = conn.Close() }() // waits until the row is scanned
	return row
}

// lockWait is SQLite's busy_timeout: how long a write waits for the lock that
// another process holds on the file.
const lockWait = 5 * time.Second

// take gives a connection of the writer pool, after r.wait at most. On SQLite
// the time spent in that queue is taken off the time the first statement may
// then wait for the file lock: without this the writers queued behind one that
// has just waited in vain would each wait the whole time again, in turn. settle
// ends that, to be called once the first statement has run.
func (r *router) take(ctx context.Context) (_ *sql.Conn, settle func(), err error) {
	start := time.Now()
	bounded, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	conn, err := r.writer.Conn(bounded)
	if err != nil {
		if ctx.Err() == nil && bounded.Err() != nil {
			return nil, nil, errors.Join(errWait, err)
		}
		return nil, nil, err
	}
	waited := time.Since(start)
	if r.readers == nil || waited < lockWait/50 {
		return conn, func() {}, nil
	}
	left := max(r.wait-waited, time.Millisecond)
	if err := setBusyTimeout(ctx, conn, left); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, func() {
		if err := setBusyTimeout(context.WithoutCancel(ctx), conn, lockWait); err != nil {
			// Better no connection than one that gives up too early for ever.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}, nil
}

func setBusyTimeout(ctx context.Context, conn *sql.Conn, d time.Duration) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
	return err
}

// isSelect reports whether a query of gen/db only reads. sqlc writes the name
// of the query into a comment before it. WITH counts as a write: it may be one,
// and the writer can read as well.
func isSelect(query string) bool {
	for strings.HasPrefix(query, "--") {
		_, query, _ = strings.Cut(query, "\n")
	}
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	word, _, _ = strings.Cut(word, "\n")
	return strings.EqualFold(word, "SELECT")
}

// errRow is a *sql.Row whose Scan returns err. There is no other way to make
// one than a database that fails so.
func errRow(err error) *sql.Row {
	d := sql.OpenDB(failing{err})
	defer func() { _ = d.Close() }()
	return d.QueryRowContext(context.Background(), "")
}

type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }
func (f failing) Driver() driver.Driver                        { return nil }
