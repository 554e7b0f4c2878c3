package db_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// everyKind runs fn on an empty database of each kind.
func everyKind(t *testing.T, fn func(t *testing.T, kind db.Kind, url string)) {
	for _, kind := range dbtest.Kinds {
		t.Run(string(kind), func(t *testing.T) { fn(t, kind, dbtest.URL(t, kind)) })
	}
}

func openURL(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestMigrate_DownAndUpRestoresSchema(t *testing.T) {
	everyKind(t, func(t *testing.T, kind db.Kind, url string) {
		files, err := fs.ReadDir(db.Migrations(kind), ".")
		if err != nil {
			t.Fatal(err)
		}
		status := func(applied int) {
			t.Helper()
			list, err := db.MigrateStatus(t.Context(), url)
			if err != nil || len(list) != len(files) {
				t.Fatalf("status lists %v, %v", list, err)
			}
			for i, m := range list {
				if m.Version != number(t, files[i]) || m.Name != files[i].Name() || m.AppliedAt.IsZero() != (i >= applied) {
					t.Errorf("migration %d is listed as %+v", i, m)
				}
			}
		}
		up := func(want int) {
			t.Helper()
			if applied, err := db.MigrateUp(t.Context(), url); err != nil || len(applied) != want {
				t.Fatalf("up applied %v, %v", applied, err)
			}
		}

		status(0)
		up(len(files))
		up(0)
		status(len(files))
		before := describeURL(t, url)
		for i := len(files); i > 0; i-- {
			m, err := db.MigrateDown(t.Context(), url)
			if err != nil || m.Version != number(t, files[i-1]) || m.Name != files[i-1].Name() {
				t.Fatalf("down reverted %+v, %v", m, err)
			}
		}
		status(0)
		if _, err := db.MigrateDown(t.Context(), url); err == nil {
			t.Error("down succeeded without an applied migration")
		}
		up(len(files))
		if diff := difference(before, describeURL(t, url)); len(diff) > 0 {
			t.Errorf("down and up changed the schema: %v", diff)
		}
	})
}

// describeURL opens the database, describes its schema and closes it. SQLite
// rejects some schema changes while a connection has prepared statements.
func describeURL(t testing.TB, url string) []string {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	lines := describe(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestOpen_RefusesNewerSchema(t *testing.T) {
	everyKind(t, func(t *testing.T, _ db.Kind, url string) {
		d := openURL(t, url)
		mustCreate(t, d, "ada")
		if _, err := d.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, TRUE)"); err != nil {
			t.Fatal(err)
		}
		if err := d.Ready(t.Context()); err != nil {
			t.Errorf("a running instance is not ready after a newer one has migrated: %v", err)
		}
		_, errOpen := db.Open(t.Context(), url)
		_, errUp := db.MigrateUp(t.Context(), url)
		_, errDown := db.MigrateDown(t.Context(), url)
		_, errStatus := db.MigrateStatus(t.Context(), url)
		for i, err := range []error{errOpen, errUp, errDown, errStatus} {
			if !errors.Is(err, db.ErrNewerSchema) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		if n := count(t, d, "users"); n != 1 {
			t.Errorf("%d users, want 1", n)
		}
	})
}

func TestReady_FailsWithoutSchema(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		if _, err := d.ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 0"); err != nil {
			t.Fatal(err)
		}
		if err := d.Ready(t.Context()); err == nil {
			t.Error("ready with an older schema")
		}
		if _, err := d.ExecContext(t.Context(), "DROP TABLE goose_db_version"); err != nil {
			t.Fatal(err)
		}
		if err := d.Ready(t.Context()); err == nil {
			t.Error("ready without a schema")
		}
	})
}

// Migrations run without foreign keys on SQLite, so that rebuilding a table does
// not delete the rows that refer to it. A dangling row must be an error.
func TestCheckForeignKeys_ReportsDanglingRow(t *testing.T) {
	url := dbtest.URL(t, db.SQLite)
	if _, err := db.MigrateUp(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	d := openURL(t, url)
	for _, stmt := range []string{
		"PRAGMA foreign_keys = 0",
		`INSERT INTO sessions (token_hash, user_id, authenticated_at, amr, ip, user_agent, created_at, last_seen_at, expires_at)
			VALUES (x'00', 42, 0, '', '', '', 0, 0, 0)`,
		"PRAGMA foreign_keys = 1",
	} {
		if _, err := d.ExecContext(t.Context(), stmt); err != nil {
			t.Fatal(err)
		}
	}
	err := db.CheckForeignKeys(t.Context(), d.DB)
	if want := "row 1 of sessions refers to a row of users that does not exist"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// versions returns the versions that the database records as applied.
func versions(t testing.TB, d *db.DB) []int64 {
	t.Helper()
	rows, err := d.QueryContext(t.Context(), "SELECT version_id FROM goose_db_version ORDER BY version_id, id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var list []int64
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func wantVersions(t testing.TB, kind db.Kind) []int64 {
	t.Helper()
	files, err := fs.ReadDir(db.Migrations(kind), ".")
	if err != nil {
		t.Fatal(err)
	}
	list := []int64{0} // goose's own first row
	for _, file := range files {
		list = append(list, number(t, file))
	}
	return list
}

// number returns the version at the start of a migration's file name.
func number(t testing.TB, file fs.DirEntry) int64 {
	t.Helper()
	digits, _, _ := strings.Cut(file.Name(), "_")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// assertMigrated checks that every migration was applied exactly once and that
// the database accepts a row.
func assertMigrated(t testing.TB, d *db.DB, kind db.Kind, schema []string) {
	t.Helper()
	if err := d.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := versions(t, d), wantVersions(t, kind); !slices.Equal(got, want) {
		t.Errorf("versions %v, want %v", got, want)
	}
	if diff := difference(schema, describe(t, d)); len(diff) > 0 {
		t.Errorf("the schema is incomplete: %v", diff)
	}
	mustCreate(t, d, fmt.Sprint("u", count(t, d, "users")))
}
