// Package dbtest provides tests with a database of each supported kind:
//
//	func TestLogin(t *testing.T) {
//		dbtest.Run(t, func(t *testing.T, d *db.DB) { … })
//	}
//
// SQLite is a file in the test's temporary folder. PostgreSQL is the server at
// TEST_DATABASE_URL, or else a temporary cluster that dbtest starts from the
// installed PostgreSQL binaries. All packages of one "go test" run share the
// cluster, and it ends with the run. Every test has its own database. Without a
// server and without binaries the PostgreSQL tests are skipped, or fail if
// CI=true.
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

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", for CREATE DATABASE

	"github.com/techtreks/auth/db"
)

// Kinds are the kinds of database that Run uses, and the names of its subtests.
var Kinds = []db.Kind{db.SQLite, db.Postgres}

// Run calls fn once for each kind of database, in the subtests "sqlite" and
// "postgres", with a new, migrated, open database. It works for tests and
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

// Open returns a new, migrated database, which is removed after the test.
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

// URL returns the DATABASE_URL of a new, empty database, for tests that start a
// process or migrate the database themselves.
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

// migratedSQLiteURL returns the URL of a copy of a migrated file.
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

// sqliteTemplate returns the content of a migrated file. A process creates it
// once, because migrating takes most of the time of a small test.
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
		return nil, fmt.Errorf("%s-wal still exists: the file is not the whole database", file)
	}
	return os.ReadFile(file)
})

// server returns the URL of this process's PostgreSQL server. The first call
// finds or starts the server.
var server = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("TEST_DATABASE_URL"); u != "" {
		return u, nil
	}
	return startCluster()
})

// warnOnce limits the warning about skipped tests to one per package.
var warnOnce sync.Once

// template returns the name of a migrated database on the server. Copying it
// takes a fraction of the time of migrating.
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
		warnOnce.Do(func() { fmt.Fprintf(os.Stderr, "!!! NOT TESTED ON POSTGRESQL: %v\n", err) })
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
		// FORCE, because a process that the test killed may still be connected.
		if err := execOn(context.Background(), base, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return withDatabase(base, name)
}

// makeTemplate creates the template unless another package or an earlier run
// has. Its name contains a hash of the migrations, so changed migrations get a
// new template.
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
	conn, err := admin.Conn(ctx) // one session, because it owns the advisory lock
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
	// The template gets its final name only when it is complete. So a run that
	// is killed earlier leaves no partial template for the next run.
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
		return base // opening it reports the error
	}
	u.Path = "/" + name
	return u.String()
}

func randomHex() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
