package db_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// The migrations of both databases are written by hand, and sqlc checks the
// queries against those of PostgreSQL only. These tests compare the two.

func TestMigrations_SchemasAgree(t *testing.T) {
	lite := describe(t, dbtest.Open(t, db.SQLite))
	if len(lite) < 20 {
		t.Fatalf("the description of the schema has only %d lines:\n%s", len(lite), strings.Join(lite, "\n"))
	}
	pg := describe(t, dbtest.Open(t, db.Postgres))
	for _, line := range difference(lite, pg) {
		t.Error(line)
	}
}

func TestMigrations_FileNamesAgree(t *testing.T) {
	names := func(kind db.Kind) (list []string) {
		files, err := fs.ReadDir(db.Migrations(kind), ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			list = append(list, f.Name())
		}
		return list
	}
	if lite, pg := names(db.SQLite), names(db.Postgres); !slices.Equal(lite, pg) || len(lite) == 0 {
		t.Errorf("sqlite has %v, postgres has %v", lite, pg)
	}
}

// The comparison must find each of these changes to one of the schemas.
func TestDifference_FindsEachSchemaChange(t *testing.T) {
	tests := []struct{ name, change, want string }{
		{"table", "CREATE TABLE extra (id BIGINT)", "table extra"},
		{"column", "ALTER TABLE users ADD COLUMN extra TEXT", "users.extra text"},
		{"column dropped", "ALTER TABLE sessions DROP COLUMN ip", "sessions.ip text not null"},
		{"column name", "ALTER TABLE users RENAME COLUMN role TO rank", "users.rank"},
		{"type", "ALTER TABLE users ADD COLUMN n INTEGER; ALTER TABLE users DROP COLUMN updated_at; ALTER TABLE users RENAME COLUMN n TO updated_at", "users.updated_at bigint"},
		{"nullability", "ALTER TABLE users DROP COLUMN password_hash; ALTER TABLE users ADD COLUMN password_hash TEXT NOT NULL DEFAULT ''", "users.password_hash text not null"},
		{"default", "ALTER TABLE users DROP COLUMN password_hash; ALTER TABLE users ADD COLUMN password_hash TEXT DEFAULT ''", "users.password_hash text default"},
		{"unique index dropped", "DROP INDEX users_email_key", "unique index users_email_key (email_key)"},
		{"index no longer unique", "DROP INDEX users_email_key; CREATE INDEX users_email_key ON users (email_key)", "users: index users_email_key (email_key)"},
		{"index on another column", "DROP INDEX users_email_key; CREATE UNIQUE INDEX users_email_key ON users (email)", "unique index users_email_key (email)"},
		{"index on part of the rows", "DROP INDEX users_email_key; CREATE UNIQUE INDEX users_email_key ON users (email_key) WHERE disabled_at IS NULL", "partial"},
		{"foreign key", "ALTER TABLE users ADD COLUMN s BIGINT REFERENCES sessions (id)", "foreign key (s)"},
		{"foreign key without cascade", "DROP TABLE sessions; CREATE TABLE sessions (user_id BIGINT NOT NULL REFERENCES users (id))", "foreign key (user_id) to users on delete no action"},
		{"check", "ALTER TABLE users ADD COLUMN n BIGINT CHECK (n > 0)", "users: 2 checks"},
	}
	good := describe(t, dbtest.Open(t, db.SQLite))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := dbtest.Open(t, db.SQLite)
			for stmt := range strings.SplitSeq(tt.change, "; ") {
				if _, err := d.ExecContext(t.Context(), stmt); err != nil {
					t.Fatalf("%s: %v", stmt, err)
				}
			}
			found := strings.Join(difference(good, describe(t, d)), "\n")
			if !strings.Contains(found, tt.want) {
				t.Errorf("the difference is\n%s\nwithout %q", found, tt.want)
			}
		})
	}
}

// difference returns the lines that only one of the schemas has.
func difference(a, b []string) (list []string) {
	for _, line := range a {
		if !slices.Contains(b, line) {
			list = append(list, "only sqlite has: "+line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			list = append(list, "only postgres has: "+line)
		}
	}
	return list
}

// describe returns the schema as sorted lines, equal on both databases.
func describe(t testing.TB, d *db.DB) []string {
	t.Helper()
	query := describeSQLite
	if d.Kind == db.Postgres {
		query = describePostgres
	}
	rows, err := d.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if d.Kind == db.SQLite {
		lines = append(lines, sqliteChecks(t, d)...)
	}
	slices.Sort(lines)
	return lines
}

const describeSQLite = `
WITH t AS (
	SELECT name FROM sqlite_master
	WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'
)
SELECT 'table ' || name FROM t
UNION ALL
SELECT t.name || '.' || c.name || ' '
	|| CASE upper(c.type) WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytes' WHEN 'TIMESTAMP' THEN 'time' ELSE lower(c.type) END
	|| CASE WHEN c."notnull" OR c.pk THEN ' not null' ELSE '' END
	|| CASE WHEN c.dflt_value IS NULL THEN '' ELSE ' default' END
	|| CASE WHEN c.pk THEN ' primary key' ELSE '' END
FROM t, pragma_table_info(t.name) c
UNION ALL
SELECT t.name || ': ' || iif(i."unique", 'unique ', '') || iif(i.partial, 'partial ', '') || 'index ' || i.name || ' ('
	|| (SELECT group_concat(coalesce(x.name, 'expression'), ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) x) || ')'
FROM t, pragma_index_list(t.name) i WHERE i.origin <> 'pk'
UNION ALL
SELECT t.name || ': foreign key (' || group_concat(f."from", ', ') || ') to ' || f."table"
	|| ' on delete ' || lower(f.on_delete) || ' on update ' || lower(f.on_update)
FROM t, pragma_foreign_key_list(t.name) f GROUP BY t.name, f.id`

var describePostgres = `
WITH t AS (
	SELECT oid, relname AS name FROM pg_class
	WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> 'goose_db_version'
)
SELECT 'table ' || name FROM t
UNION ALL
SELECT t.name || '.' || a.attname || ' '
	|| CASE format_type(a.atttypid, a.atttypmod) WHEN 'bytea' THEN 'bytes' WHEN 'timestamp with time zone' THEN 'time' ELSE format_type(a.atttypid, a.atttypmod) END
	|| CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
	|| CASE WHEN a.atthasdef THEN ' default' ELSE '' END
	|| CASE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) THEN ' primary key' ELSE '' END
FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT t.name || ': ' || CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || CASE WHEN i.indpred IS NULL THEN '' ELSE 'partial ' END || 'index ' || c.relname || ' ('
	|| (SELECT string_agg(coalesce(a.attname, 'expression'), ', ' ORDER BY k.ord)
		FROM unnest(i.indkey) WITH ORDINALITY k (num, ord) LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num) || ')'
FROM t JOIN pg_index i ON i.indrelid = t.oid AND NOT i.indisprimary JOIN pg_class c ON c.oid = i.indexrelid
UNION ALL
SELECT t.name || ': foreign key ('
	|| (SELECT string_agg(a.attname, ', ' ORDER BY k.ord)
		FROM unnest(f.conkey) WITH ORDINALITY k (num, ord) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num) || ') to '
	|| f.confrelid::regclass || ' on delete ' || ` + actionOf("f.confdeltype") + ` || ' on update ' || ` + actionOf("f.confupdtype") + `
FROM t JOIN pg_constraint f ON f.conrelid = t.oid AND f.contype = 'f'
UNION ALL
SELECT t.name || ': ' || count(*) || ' checks' FROM t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'c' GROUP BY t.name`

func actionOf(column string) string {
	return "CASE " + column + " WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'set default' END"
}

// sqliteChecks counts CHECK constraints, which SQLite stores only as text.
func sqliteChecks(t testing.TB, d *db.DB) (lines []string) {
	t.Helper()
	rows, err := d.QueryContext(t.Context(), "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name <> 'goose_db_version'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, ddl string
		if err := rows.Scan(&name, &ddl); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(strings.ToUpper(ddl), "CHECK ("); n > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d checks", name, n))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}
