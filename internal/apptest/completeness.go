package apptest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/techtreks/auth/db"
)

// ExportedAs is the member of the export that each table of personal data is in.
// A new one gets a line here when it gets its part of the export.
var ExportedAs = map[string]string{"sessions": "sessions", "tokens": "tokens", "outbox": "mails", "audit_events": "events"}

// KeptAfterDeletion are the tables that keep a number of somebody who has left, and
// nothing else that tells who it was: docs/audit.md says for how long and why.
// They have no foreign key, so they are named here, with the column of whose the
// rows are.
var KeptAfterDeletion = map[string]string{"audit_events": "user_id"}

// PersonalTables maps each table that refers to users to the column that does. What
// refers to one of those in turn is found as well.
func (h *Harness) PersonalTables() map[string]string {
	h.T.Helper()
	query := `SELECT m.name AS tab, f."from" AS col, f."table" AS target FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
	if h.DB.Kind == db.Postgres {
		query = `SELECT c.conrelid::regclass::text AS tab, a.attname::text AS col, c.confrelid::regclass::text AS target
			FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) WHERE c.contype = 'f'`
	}
	references := h.Query(query)
	tables := map[string]string{}
	for found := true; found; {
		found = false
		for _, r := range references {
			_, indirect := tables[r["target"]]
			if _, known := tables[r["tab"]]; !known && (r["target"] == "users" || indirect) {
				tables[r["tab"]], found = r["col"], true
			}
		}
	}
	return tables
}

type Column struct {
	Name, kind string
	required   bool // no row can do without it
}

// Columns lists the columns of every table.
func (h *Harness) Columns() map[string][]Column {
	h.T.Helper()
	query := `SELECT m.name AS tab, c.name AS col, lower(c.type) AS kind, c."notnull" = 1 AND c.dflt_value IS NULL AND c.pk = 0 AS required
		FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`
	if h.DB.Kind == db.Postgres {
		query = `SELECT table_name::text AS tab, column_name::text AS col, data_type::text AS kind,
			is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AS required
			FROM information_schema.columns WHERE table_schema = 'public'`
	}
	tables := map[string][]Column{}
	for _, row := range h.Query(query) {
		required := row["required"] == "1" || row["required"] == "true"
		tables[row["tab"]] = append(tables[row["tab"]], Column{row["col"], row["kind"], required})
	}
	return tables
}

// allowed are values for columns that do not take any.
var allowed = map[string]any{"purpose": "change_email", "details": "{}"}

// Insert writes a row with a value in one column and something in every other
// that needs it.
func (h *Harness) Insert(table, given string, value any) {
	h.T.Helper()
	values := map[string]any{given: value}
	for _, c := range h.Columns()[table] {
		if !c.required || c.Name == given {
			continue
		}
		unique := fmt.Sprintf("%s of %v", c.Name, value)
		switch value, ok := allowed[c.Name]; {
		case ok:
			values[c.Name] = value
		case c.kind == "text":
			values[c.Name] = unique
		case c.kind == "blob", c.kind == "bytea":
			values[c.Name] = []byte(unique)
		case strings.HasPrefix(c.kind, "timestamp"):
			values[c.Name] = h.Clock.Now().Add(time.Hour)
		case strings.HasSuffix(c.kind, "int"), c.kind == "integer":
			values[c.Name] = 1
		default:
			h.T.Fatalf("%s.%s: no value of the type %s is known here", table, c.Name, c.kind)
		}
	}
	names := slices.Sorted(maps.Keys(values))
	marks, arguments := make([]string, len(names)), make([]any, len(names))
	for i, name := range names {
		marks[i], arguments[i] = fmt.Sprintf("$%d", i+1), values[name]
	}
	h.Exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", ")), arguments...)
}
