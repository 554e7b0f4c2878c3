// Package dbtest gives tests a database of each kind the program runs on:
//
//	func TestLogin(t *testing.T) {
//		dbtest.Run(t, func(t *testing.T, d *db.DB) { … })
//	}
//
// SQLite is a file in the test's temporary folder. PostgreSQL is the server at
// TEST_DATABASE_URL, or else a throw-away cluster made from the PostgreSQL
// binaries of this machine, shared by all packages of one "go test" and gone
// with it. Every test has a database of its own. Without a server and without
// binaries the PostgreSQL half is skipped, or fails when CI=true.
package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", to make databases with

	"github.com/techtreks/auth/db"
)

// Kinds are the databases that Run goes through, which are also the names of
// its subtests.
var Kinds = []db.Kind{db.SQLite, db.Postgres}

// Run calls fn once for each kind of database, as the subtests "sqlite" and
// "postgres", with a fresh, migrated, open database. It serves tests and
// benchmarks.
func Run[T interface {
	testing.TB
	Run(name string, fn func(T)) bool
}](t T, fn func(t T, d *db.DB)) {
	t.Helper()
	for _, kind := range Kinds {
		t.Run(string(kind), func(t T) { fn(t, Open(t, kind)) })
	}
}

// Open opens a fresh, migrated database, closed and removed after the test.
func Open(t testing.TB, kind db.Kind) *db.DB {
	t.Helper()
	u := ""
	if kind == db.Postgres {
		u = postgresURL(t, true)
	} else {
		u = migratedSQLiteURL(t)
	}
	d, err := db.Open(t.Context(), u)
	if err != nil {
		t.Fatalf("open %s: %v", kind, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close %s: %v", kind, err)
		}
	})
	return d
}

// URL is the DATABASE_URL of a fresh and empty database, for tests that start a
// process on it or migrate it themselves.
func URL(t testing.TB, kind db.Kind) string {
	t.Helper()
	if kind == db.Postgres {
		return postgresURL(t, false)
	}
	return sqliteURL(t)
}

func sqliteURL(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "techtreks.db")
}

// migratedSQLiteURL is that of a copy of a migrated file.
func migratedSQLiteURL(t testing.TB) string {
	t.Helper()
	migrated, err := sqliteTemplate()
	if err != nil {
		t.Fatalf("template file: %v", err)
	}
	file := filepath.Join(t.TempDir(), "techtreks.db")
	if err := os.WriteFile(file, migrated, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + file
}

// sqliteTemplate is what a migrated file holds, made once in a process:
// migrating takes most of the time that a small test does.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "techtreks-sqlite-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "techtreks.db")
	if _, err := db.MigrateUp(context.Background(), "sqlite:"+file); err != nil {
		return nil, err
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		return nil, fmt.Errorf("%s-wal is left: the file alone is not the whole database", file)
	}
	return os.ReadFile(file)
})

// server is the PostgreSQL server of this process: found or started once, on
// the first test that asks.
var server = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("TEST_DATABASE_URL"); u != "" {
		return u, nil
	}
	return startCluster()
})

// sayOnce keeps the loud line to one per package.
var sayOnce sync.Once

// template is the name of a migrated database on the server, which others are
// copied from in a fraction of the time that migrating takes.
var template = sync.OnceValues(func() (string, error) {
	base, err := server()
	if err != nil {
		return "", err
	}
	return makeTemplate(context.Background(), base)
})

func postgresURL(t testing.TB, migrated bool) string {
	t.Helper()
	base, err := server()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PostgreSQL is required with CI=true: %v", err)
		}
		sayOnce.Do(func() { fmt.Fprintf(os.Stderr, "!!! NOT TESTED ON POSTGRESQL: %v\n", err) })
		t.Skipf("not tested on PostgreSQL: %v", err)
	}
	create := "CREATE DATABASE %s"
	if migrated {
		from, err := template()
		if err != nil {
			t.Fatalf("template database: %v", err)
		}
		create += " TEMPLATE " + from
	}
	name := "t_" + randomHex()
	if err := execOn(t.Context(), base, fmt.Sprintf(create, name)); err != nil {
		t.Fatalf("create database: %v", err)
	}
	t.Cleanup(func() {
		// FORCE, as a process that the test killed may still be connected.
		if err := execOn(context.Background(), base, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return withDatabase(base, name)
}

// makeTemplate makes the template unless another package or an earlier run has.
// Its name is the hash of the migrations, so a changed one makes a new template.
func makeTemplate(ctx context.Context, base string) (string, error) {
	sum, err := hashMigrations()
	if err != nil {
		return "", err
	}
	name, building := "techtreks_test_"+sum, "techtreks_building_"+sum
	admin, err := sql.Open("pgx", base)
	if err != nil {
		return "", err
	}
	defer func() { _ = admin.Close() }()
	conn, err := admin.Conn(ctx) // one session, which the lock belongs to
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(7348502)"); err != nil {
		return "", err
	}
	var exists bool
	err = conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	for _, stmt := range []string{"DROP DATABASE IF EXISTS " + building + " WITH (FORCE)", "CREATE DATABASE " + building} {
		if _, err := conn.ExecContext(ctx, stmt); err != nil {
			return "", err
		}
	}
	if _, err := db.MigrateUp(ctx, withDatabase(base, building)); err != nil {
		return "", err
	}
	// Under its final name only when whole: a run that was killed before this
	// line leaves no half template for the next.
	_, err = conn.ExecContext(ctx, "ALTER DATABASE "+building+" RENAME TO "+name)
	return name, err
}

func hashMigrations() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(db.Migrations(db.Postgres), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(db.Migrations(db.Postgres), name)
		fmt.Fprintf(h, "%s %d\n%s", name, len(data), data)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}

func execOn(ctx context.Context, base, stmt string) error {
	d, err := sql.Open("pgx", base)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	_, err = d.ExecContext(ctx, stmt)
	return err
}

func withDatabase(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base // refused by whoever opens it
	}
	u.Path = "/" + name
	return u.String()
}

func randomHex() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
