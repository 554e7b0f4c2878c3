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

// errWait means that no connection became free in time. An early "try again" is
// better than a growing queue, because every waiting query keeps a request open.
var errWait = errors.New("no database connection became free in time")

// router runs the generated queries outside of transactions. On SQLite it sends
// SELECTs to the readers, which never wait for a lock in WAL mode, and all other
// statements to the writer. On PostgreSQL there is one pool for all queries.
//
// database/sql waits for a free connection until the context ends. The router
// limits that wait and nothing else: a slow statement keeps its own time limit.
type router struct {
	readers *sql.DB // SQLite only
	writer  *sql.DB
	wait    time.Duration // longest wait for a connection, on SQLite including the file lock
}

// PrepareContext prepares SELECTs on SQLite's readers. For all other queries it
// returns nil, and the generated code then calls the methods below.
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

// lockWait is SQLite's busy_timeout: how long a write waits while another
// process holds the lock on the file.
const lockWait = 5 * time.Second

// take returns a connection of the writer pool and waits at most r.wait for it.
//
// On SQLite, take subtracts the time in that queue from the time that the first
// statement may wait for the file lock. Otherwise each writer in the queue would
// wait for the full busy_timeout after the previous one has timed out. The caller
// must call settle after the first statement; it restores the full busy_timeout.
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
			// Discard the connection: its busy_timeout would stay too short.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}, nil
}

func setBusyTimeout(ctx context.Context, conn *sql.Conn, d time.Duration) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
	return err
}

// isSelect reports whether a query of gen/db is a SELECT, after the comment with
// the query's name that sqlc puts before it. A query with WITH is not: it may
// write, and the writer can run reads too.
func isSelect(query string) bool {
	for strings.HasPrefix(query, "--") {
		_, query, _ = strings.Cut(query, "\n")
	}
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	word, _, _ = strings.Cut(word, "\n")
	return strings.EqualFold(word, "SELECT")
}

// errRow returns a *sql.Row with a Scan method that returns err. Only a query to
// a database that fails with err can create such a row.
func errRow(err error) *sql.Row {
	d := sql.OpenDB(failing{err})
	defer func() { _ = d.Close() }()
	return d.QueryRowContext(context.Background(), "")
}

// failing is a connector that fails with err.
type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }
func (f failing) Driver() driver.Driver                        { return nil }
