package db_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

func openSQLite(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// holdAll takes every connection of a pool.
func holdAll(t *testing.T, pool *sql.DB) []*sql.Conn {
	t.Helper()
	var held []*sql.Conn
	for range pool.Stats().MaxOpenConnections {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		held = append(held, conn)
	}
	return held
}

func TestOpen_SetsSQLitePragmasOnEveryConnection(t *testing.T) {
	want := map[string]string{"busy_timeout": "5000", "journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}
	writer, readers := dbtest.Open(t, db.SQLite).Pools()
	for _, pool := range []struct {
		name      string
		pool      *sql.DB
		queryOnly string
		atLeast   int
	}{
		{"writer", writer, "0", 1},
		{"readers", readers, "1", 4},
	} {
		t.Run(pool.name, func(t *testing.T) {
			conns := holdAll(t, pool.pool)
			if len(conns) < pool.atLeast {
				t.Errorf("%d connections, want at least %d", len(conns), pool.atLeast)
			}
			want["query_only"] = pool.queryOnly
			for i, conn := range conns {
				for pragma, value := range want {
					var got string
					if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil {
						t.Fatal(err)
					}
					if got != value {
						t.Errorf("connection %d: %s is %s, want %s", i, pragma, got, value)
					}
				}
			}
		})
	}
	if n := writer.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d writers, want 1", n)
	}
}

func TestOpen_CreatesPrivateSQLiteFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "techtreks.db")
	mustCreate(t, openSQLite(t, path), "ada") // creates -wal and -shm
	modes := map[string]fs.FileMode{
		filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".migrate-lock": 0o600,
	}
	for name, want := range modes {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), want)
		}
	}
}

func TestOpen_MakesExistingSQLiteFilePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "restored.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	openSQLite(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOpen_TakesSQLitePathLiterally(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a?b#c%20d&mode=memory.db")
	mustCreate(t, openSQLite(t, path), "ada")
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the file of that name: %v, %v", info, err)
	}
}

func TestOpen_SQLiteErrorNamesReasonAndPath(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, path, want string }{
		{"a folder", folder, "is a folder"},
		{"inside of a file", filepath.Join(file, "x.db"), "not a directory"},
		{"not a database", file, "not a database"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := db.Open(t.Context(), "sqlite:"+tt.path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
				t.Errorf("got %v, want %q and the path", err, tt.want)
			}
		})
	}
}

func TestPools_SQLiteReadersCannotWrite(t *testing.T) {
	d := dbtest.Open(t, db.SQLite)
	_, readers := d.Pools()
	if _, err := readers.ExecContext(t.Context(), "DELETE FROM users"); err == nil {
		t.Error("a reader wrote")
	}
}

func TestPools_SQLiteReadsDuringWrite(t *testing.T) {
	d := dbtest.Open(t, db.SQLite)
	mustCreate(t, d, "ada")
	writer, _ := d.Pools()
	tx, err := writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := d.UserByUsernameKey(t.Context(), "ada"); err != nil {
		t.Error(err)
	}
	if err := d.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// lockFile locks the file as another program would.
func lockFile(t *testing.T, path string) (unlock func()) {
	t.Helper()
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
}

// While another program locks the file, writes wait and then fail as unavailable.
// Reads succeed, and after the lock ends so do writes.
func TestIsUnavailable_SQLiteLockedByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "techtreks.db")
	d := openSQLite(t, path)
	// Shortens the wait of the writer connection from five seconds.
	if _, err := d.ExecContext(t.Context(), "PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	unlock := lockFile(t, path)
	if _, err := d.UserCreate(t.Context(), newUser("ada")); !db.IsUnavailable(err) {
		t.Errorf("a write got %v", err)
	}
	if err := d.Tx(t.Context(), createUsers(t.Context(), "ada")); !db.IsUnavailable(err) {
		t.Errorf("a transaction got %v", err)
	}
	if _, err := d.UserByUsernameKey(t.Context(), "ada"); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("a read got %v", err)
	}
	unlock()
	mustCreate(t, d, "ada")
}

// A write in the queue behind a write that timed out on the lock waits only for
// the remaining time. Afterwards the connection has its full busy_timeout again.
func TestRouter_QueuedSQLiteWriteWaitsForRemainingTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "techtreks.db")
	d := openSQLite(t, path)
	d.SetWait(2 * time.Second)
	if _, err := d.ExecContext(t.Context(), "PRAGMA busy_timeout = 1000"); err != nil {
		t.Fatal(err)
	}
	unlock := lockFile(t, path)
	defer unlock()
	writer, _ := d.Pools()
	write := func() {
		if _, err := d.UserCreate(t.Context(), newUser("ada")); !db.IsUnavailable(err) {
			t.Errorf("a write got %v", err)
		}
	}
	var both sync.WaitGroup
	both.Go(write)
	for writer.Stats().InUse == 0 {
		runtime.Gosched()
	}
	both.Go(write) // waits until the first write times out
	both.Wait()
	var timeout int
	if err := d.QueryRowContext(t.Context(), "PRAGMA busy_timeout").Scan(&timeout); err != nil {
		t.Fatal(err)
	}
	// Not the 1000 from above: take shortened it for the second write and settle
	// restored lockWait.
	if timeout != 5000 {
		t.Errorf("busy_timeout is %d", timeout)
	}
}

func TestTx_CancelledWhileWaitingForSQLiteLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "techtreks.db")
	d := openSQLite(t, path)
	if _, err := d.ExecContext(t.Context(), "PRAGMA busy_timeout = 200"); err != nil {
		t.Fatal(err)
	}
	unlock := lockFile(t, path)
	defer unlock()
	writer, _ := d.Pools()
	ctx, cancel := context.WithCancel(t.Context())
	var transaction sync.WaitGroup
	transaction.Go(func() {
		if err := d.Tx(ctx, createUsers(ctx, "ada")); !errors.Is(err, context.Canceled) || db.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
	})
	for writer.Stats().InUse == 0 {
		runtime.Gosched()
	}
	cancel()
	transaction.Wait()
}

func TestIsSelect_RecognisesReads(t *testing.T) {
	tests := []struct {
		query string
		want  bool
	}{
		{"-- name: UserByID :one\nSELECT * FROM users", true},
		{"-- name: A :one\n-- more\nselect\n1", true},
		{"SELECT 1", true},
		{"-- name: UserCreate :one\nINSERT INTO users SELECT 1", false},
		{"-- name: A :one\nWITH x AS (SELECT 1) DELETE FROM users", false},
		{"-- SELECT", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := db.IsSelect(tt.query); got != tt.want {
			t.Errorf("%q: %v", tt.query, got)
		}
	}
}
