package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteOptions apply to every connection. busy_timeout comes first because the
// ones after it may already meet a lock. _txlock=immediate: a transaction that
// reads first and then writes would otherwise fail with SQLITE_BUSY whenever
// another wrote in between, whatever the timeout. synchronous(FULL): what was
// acknowledged survives a power cut. Times are integers of microseconds, which
// compare right in every zone and are as fine as PostgreSQL's. mode=rw: a file
// that has vanished is an error, not an empty database of whatever mode the
// umask gives.
const sqliteOptions = "mode=rw" +
	"&_pragma=busy_timeout(5000)" +
	"&_pragma=journal_mode(WAL)" +
	"&_pragma=synchronous(FULL)" +
	"&_txlock=immediate" +
	"&_time_integer_format=unix_micro&_inttotime=1"

func (t *target) openSQLite(path, options string, conns int) (*sql.DB, error) {
	// As a file: URL, or the driver would cut the name at a question mark.
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: options}
	c, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	if t.wrap != nil {
		c = t.wrap(c)
	}
	d := t.open(c)
	d.SetMaxOpenConns(conns)
	d.SetMaxIdleConns(conns) // the default of 2 spends its time on reopening
	return d, nil
}

// connectSQLite opens one writer, because SQLite has one: twenty connections
// that fight over the lock wait five times as long at worst as twenty
// goroutines in a queue for one connection. The readers refuse to write, so
// that a query sent to the wrong pool fails in its first test.
func (t *target) connectSQLite() (*router, error) {
	writer, err := t.openSQLite(t.path, sqliteOptions+"&_pragma=foreign_keys(1)", 1)
	if err != nil {
		return nil, err
	}
	readers, err := t.openSQLite(t.path, sqliteOptions+"&_pragma=foreign_keys(1)&_pragma=query_only(1)",
		max(4, 2*runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &router{readers: readers, writer: writer, wait: lockWait}, nil
}

// sqliteMigrations opens the file for migrations, without foreign keys: a
// migration that rebuilds a table drops the old one, and dropping users would
// take every session along by ON DELETE CASCADE. checkForeignKeys looks after
// them instead.
func (t *target) sqliteMigrations() (*sql.DB, error) {
	return t.openSQLite(t.path, sqliteOptions+"&_pragma=foreign_keys(0)", 1)
}

// checkForeignKeys fails when a row refers to one that is not there.
func checkForeignKeys(ctx context.Context, d *sql.DB) error {
	var table, parent string
	var row sql.NullInt64
	var key int
	err := d.QueryRowContext(ctx, "PRAGMA foreign_key_check").Scan(&table, &row, &parent, &key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check foreign keys: %w", err)
	}
	return fmt.Errorf("row %d of %s refers to a row of %s that does not exist", row.Int64, table, parent)
}

// lockSQLite waits until no other process migrates, and keeps others from it
// until unlock. A lock of the database file itself would not do: it could not
// span goose's transactions, nor the switch of a fresh file to WAL, which fails
// when two do it at once. So it is taken on a second, always empty SQLite file
// beside it. The kernel releases it when the process dies, however it dies.
func (t *target) lockSQLite(ctx context.Context) (unlock func() error, err error) {
	path := t.path + ".migrate-lock"
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	lock := &target{kind: SQLite, path: path}
	d, err := lock.openSQLite(path, "mode=rw&_pragma=busy_timeout(0)", 1)
	if err != nil {
		return nil, err
	}
	conn, err := d.Conn(ctx)
	if err == nil {
		err = poll(ctx, func() (bool, error) {
			_, err := conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
			if sqliteCode(err)&0xff == sqlite3.SQLITE_BUSY {
				return false, nil
			}
			return err == nil, err
		})
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return func() error {
		_ = conn.Close()
		return d.Close()
	}, nil
}

// creating keeps two goroutines from creating and opening a file at once.
// POSIX drops all locks a process holds on a file when it closes any of its
// descriptors: the Close below would release the locks of an SQLite connection
// that another goroutine opened in between.
var creating sync.Mutex

// createPrivate makes sure that path exists and is readable by its owner alone.
// SQLite would create it with the mode the umask leaves; -wal and -shm take
// theirs from it.
func createPrivate(path string) error {
	creating.Lock()
	defer creating.Unlock()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	// A copy put back from a backup is often readable by all. Not ours to
	// change when another user owns it: then access is the operator's choice.
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("%s is a folder", p)
		}
		if info.Mode().Perm()&0o077 != 0 {
			if err := os.Chmod(p, info.Mode().Perm()&0o700); err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
		}
	}
	return nil
}

// sqliteCode is the extended result code in err, 0 when there is none.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
