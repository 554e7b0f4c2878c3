package db_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

func TestIsUnavailable_ClassifiesDriverErrors(t *testing.T) {
	pg := func(code string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code}) }
	tests := []struct {
		name                string
		err                 error
		unique, unavailable bool
	}{
		{"none", nil, false, false},
		{"no rows", sql.ErrNoRows, false, false},
		{"context cancelled", context.Canceled, false, false},
		{"context cancelled while the connection broke", errors.Join(io.ErrUnexpectedEOF, context.Canceled), false, false},
		{"deadline", context.DeadlineExceeded, false, true},
		{"pool wait", db.ErrWait, false, true},
		{"bad connection", driver.ErrBadConn, false, true},
		{"connection closed", pgconn.ErrConnClosed, false, true},
		{"database closed", fmt.Errorf("x: %w", errors.New("sql: database is closed")), false, true},
		{"statement closed", errors.New("sql: statement is closed"), false, true},
		{"connection returned", sql.ErrConnDone, false, true},
		{"server hung up", fmt.Errorf("x: %w", io.ErrUnexpectedEOF), false, true},
		{"refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, false, true},
		{"unique_violation", pg("23505"), true, false},
		{"foreign_key_violation", pg("23503"), false, false},
		{"not_null_violation", pg("23502"), false, false},
		{"undefined_table", pg("42P01"), false, false},
		{"query_canceled by statement_timeout", pg("57014"), false, true},
		{"admin_shutdown", pg("57P01"), false, true},
		{"crash_shutdown", pg("57P02"), false, true},
		{"cannot_connect_now", pg("57P03"), false, true},
		{"disk_full", pg("53100"), false, true},
		{"too_many_connections", pg("53300"), false, true},
		{"database dropped", pg("57P04"), false, true},
		{"idle_session_timeout", pg("57P05"), false, true},
		{"object_not_in_prerequisite_state", pg("55000"), false, true},
		{"object_in_use", pg("55006"), false, false},
		{"lock_not_available", pg("55P03"), false, true},
		{"deadlock_detected", pg("40P01"), false, true},
		{"idle in transaction", pg("25P03"), false, true},
		{"no code", pg(""), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if db.IsUnique(tt.err) != tt.unique || db.IsUnavailable(tt.err) != tt.unavailable {
				t.Errorf("unique %v, unavailable %v", db.IsUnique(tt.err), db.IsUnavailable(tt.err))
			}
		})
	}
}

func TestIsUnavailable_SQLiteCodes(t *testing.T) {
	tests := map[int]bool{
		sqlite3.SQLITE_BUSY: true, sqlite3.SQLITE_BUSY_SNAPSHOT: true, sqlite3.SQLITE_LOCKED: true,
		sqlite3.SQLITE_FULL: true, sqlite3.SQLITE_IOERR_FSYNC: true, sqlite3.SQLITE_READONLY: true, sqlite3.SQLITE_CANTOPEN: true,
		sqlite3.SQLITE_ERROR: false, sqlite3.SQLITE_CONSTRAINT_UNIQUE: false, sqlite3.SQLITE_CORRUPT: false, sqlite3.SQLITE_INTERRUPT: false,
	}
	for code, want := range tests {
		if got := db.SQLiteUnavailable(code); got != want {
			t.Errorf("code %d: %v", code, got)
		}
	}
}

func TestIsUnique_RealConstraintErrors(t *testing.T) {
	insertUser := `INSERT INTO users (id, username, username_key, email, email_key, role, created_at, updated_at)
		OVERRIDING SYSTEM VALUE VALUES ($1, 'a', $2, 'a', $3, $4, $5, $5)`
	tests := []struct {
		name   string
		id     int
		key    string
		role   string
		unique bool
	}{
		{"unique index", 7, "ada", "user", true},
		{"primary key", 1, "bob", "user", true},
		{"check constraint", 7, "bob", "king", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				mustCreate(t, d, "ada")
				query := insertUser
				if d.Kind == db.SQLite {
					query = strings.Replace(query, "OVERRIDING SYSTEM VALUE", "", 1)
				}
				_, err := d.ExecContext(t.Context(), query, tt.id, tt.key, tt.key+"@", tt.role, noon)
				if err == nil || db.IsUnique(err) != tt.unique || db.IsUnavailable(err) {
					t.Errorf("got %v: unique %v, unavailable %v", err, db.IsUnique(err), db.IsUnavailable(err))
				}
			})
		})
	}
}

// A query after the server closed the database gets 503, not 500.
func TestIsUnavailable_ClosedDatabase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		id := mustCreate(t, d, "ada")
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		_, read := d.UserByID(t.Context(), id)
		_, wrote := d.UserCreate(t.Context(), newUser("bob"))
		for name, err := range map[string]error{
			"read": read, "write": wrote, "readiness": d.Ready(t.Context()),
			"transaction": d.Tx(t.Context(), createUsers(t.Context(), "bob")),
		} {
			if !db.IsUnavailable(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestIsUnavailable_FullDatabase(t *testing.T) {
	d := dbtest.Open(t, db.SQLite)
	if _, err := d.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	var failed error
	for i := 0; failed == nil && i < 10_000; i++ {
		failed = d.Tx(t.Context(), createUsers(t.Context(), fmt.Sprint("u", i)))
	}
	if !db.IsUnavailable(failed) {
		t.Fatalf("got %v", failed)
	}
	if _, err := d.ExecContext(t.Context(), "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, d, "ada") // the writer works again once there is room
}

// Without a limit, a growing queue for connections delays every request in it.
func TestRouter_LimitsWaitForConnection(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		writer, _ := d.Pools()
		held := holdAll(t, writer)
		d.SetWait(20 * time.Millisecond)

		attempts := map[string]func(context.Context) error{
			"transaction": func(ctx context.Context) error { return d.Tx(ctx, createUsers(ctx, "ada")) },
			"one row": func(ctx context.Context) error {
				_, err := d.UserCreate(ctx, newUser("ada"))
				return err
			},
			"no rows": func(ctx context.Context) error { return d.UserPasswordRehash(ctx, rehash) },
		}
		for name, attempt := range attempts {
			if err := attempt(t.Context()); !errors.Is(err, db.ErrWait) || !db.IsUnavailable(err) {
				t.Errorf("%s: %v", name, err)
			}
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			if err := attempt(cancelled); !errors.Is(err, context.Canceled) || db.IsUnavailable(err) {
				t.Errorf("%s, context cancelled: %v", name, err)
			}
		}

		_ = held[0].Close()
		d.SetWait(time.Minute)
		for name, attempt := range attempts {
			if err := attempt(t.Context()); err != nil && !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("%s, after a connection became free: %v", name, err)
			}
		}
	})
}

func TestIsUnavailable_UnreachableServer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = db.Open(t.Context(), "postgres://u:hunter2@"+closed.Addr().String()+"/x?sslmode=disable")
	if !db.IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
}

// A PostgreSQL server that restarts ends its sessions. The caller gets at most
// one unavailable error, and the pool recovers.
func TestIsUnavailable_PostgresConnectionLost(t *testing.T) {
	d := dbtest.Open(t, db.Postgres)
	err := d.Tx(t.Context(), func(q *queries) error {
		if _, err := q.UserCreate(t.Context(), newUser("ada")); err != nil {
			return err
		}
		if _, err := d.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			return err
		}
		_, err := q.UserCreate(t.Context(), newUser("bob"))
		return err
	})
	if !db.IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
	mustCreate(t, d, "ada")
}
