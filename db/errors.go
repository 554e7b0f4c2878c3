package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsUnique reports whether err is a violation of a unique index or primary key.
// It also covers a name that was free when the caller checked.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	code := sqliteCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

// IsUnavailable reports whether err is a temporary failure of the database and
// not of the query: the database is locked, unreachable, full, shutting down or
// too slow for the deadline. The caller may retry, so the response is 503 and
// not 500. A cancelled context does not count: the client disconnected, which
// does not depend on the database.
func IsUnavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errWait) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return postgresUnavailable(pg.Code)
	}
	if code := sqliteCode(err); code != 0 {
		return sqliteUnavailable(code)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.Timeout(err) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || isClosed(err)
}

// isClosed reports whether err means that the pool is closed, as it is for the
// last requests of a server that shuts down. database/sql does not export these
// errors, so only their text identifies them.
func isClosed(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if text := err.Error(); text == "sql: database is closed" || text == "sql: statement is closed" {
			return true
		}
	}
	return false
}

func postgresUnavailable(code string) bool {
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "08", // connection exception
		"28", // the server no longer accepts our credentials
		"40", // deadlock or serialization failure: the transaction was rolled back and can be retried
		"53", // disk full, out of memory, too many connections
		"57", // shutting down or starting up; statement_timeout
		"58": // I/O error
		return true
	}
	switch code {
	case "25P03", // idle_in_transaction_session_timeout
		"25006", // read only: connected to a standby during a failover
		"55000", // the database accepts no connections at the moment
		"55P03", // lock_timeout
		"3D000": // the database is being restored
		return true
	}
	return false
}

func sqliteUnavailable(code int) bool {
	switch code & 0xff { // the low byte is the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM:
		return true
	}
	return false
}
