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

// sqliteOptions apply to every connection.
//   - mode=rw: a missing file is an error. SQLite would otherwise create an empty
//     database with the mode that the umask leaves.
//   - busy_timeout is the first pragma, because the next ones may meet a lock.
//   - synchronous(FULL): a committed transaction survives a power cut.
//   - _txlock=immediate: without it, a transaction that reads and then writes
//     fails with SQLITE_BUSY if another one wrote in between, despite the timeout.
//   - Times are integers of microseconds. They compare correctly in every time
//     zone and have the same precision as in PostgreSQL.
const sqliteOptions = "mode=rw" +
	"&_pragma=busy_timeout(5000)" +
	"&_pragma=journal_mode(WAL)" +
	"&_pragma=synchronous(FULL)" +
	"&_txlock=immediate" +
	"&_time_integer_format=unix_micro&_inttotime=1"

func (t *target) openSQLite(path, options string, conns int) (*sql.DB, error) {
	// A file: URL, because the driver cuts a plain name at a question mark.
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
	d.SetMaxIdleConns(conns) // with the default of 2, most time goes into reopening
	return d, nil
}

// connectSQLite opens one writer connection, because SQLite allows one writer.
// Twenty connections that compete for the lock wait up to five times as long as
// twenty goroutines in a queue for one connection. The readers reject writes, so
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

// sqliteMigrations opens the file for migrations, without foreign keys. A
// migration that rebuilds a table drops the old one, and dropping users would
// delete every session by ON DELETE CASCADE. checkForeignKeys checks the foreign
// keys afterwards.
func (t *target) sqliteMigrations() (*sql.DB, error) {
	return t.openSQLite(t.path, sqliteOptions+"&_pragma=foreign_keys(0)", 1)
}

// checkForeignKeys returns an error if a row refers to a missing row.
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

// lockSQLite waits until no other process migrates and locks others out until
// unlock is called.
//
// The lock is held on a second, empty SQLite file next to the database. A lock
// on the database file could not span several goose transactions. It could also
// not cover the switch of a new file to WAL, which fails if two processes do it
// at the same time. The kernel releases the lock when the process dies.
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

// creating serialises the creation of files. POSIX drops all locks that a
// process holds on a file when the process closes any descriptor of that file.
// The Close in createPrivate would therefore release the locks of an SQLite
// connection that another goroutine opened in between.
var creating sync.Mutex

// createPrivate creates path if it does not exist, and makes it readable by its
// owner only. SQLite would create it with the mode that the umask leaves. The
// -wal and -shm files get the same mode as the database file.
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
	// A file restored from a backup is often readable by everyone. Chmod fails
	// if another user owns the file: then its mode is the operator's choice.
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

// sqliteCode returns the extended result code in err, or 0.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
