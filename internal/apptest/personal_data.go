package apptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
)

// ExportedAs maps each table of personal data to its member of the export. A new table
// needs an entry here and a part in the export.
var ExportedAs = map[string]string{"sessions": "sessions", "tokens": "tokens", "outbox": "mails", "audit_events": "events"}

// KeptAfterDeletion maps each table that keeps the ID of a deleted account to the column
// with that ID. Its rows keep no other personal data; docs/audit.md explains the reason and
// the duration. The map is needed because these tables have no foreign key.
var KeptAfterDeletion = map[string]string{"audit_events": "user_id"}

// PersonalTables maps each table that refers to users, directly or through another table,
// to the column with the reference.
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

// A Column is a column of a table.
type Column struct {
	Name, kind string
	required   bool // NOT NULL without a default
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

// allowed are values for columns that accept only some values.
var allowed = map[string]any{"purpose": "change_email", "details": "{}"}

// Insert writes a row with the given value in one column and a generated value in every
// other required column.
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
			h.T.Fatalf("%s.%s: no value is known for the type %s", table, c.Name, c.kind)
		}
	}
	names := slices.Sorted(maps.Keys(values))
	marks, arguments := make([]string, len(names)), make([]any, len(names))
	for i, name := range names {
		marks[i], arguments[i] = fmt.Sprintf("$%d", i+1), values[name]
	}
	h.Exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", ")), arguments...)
}

// Export returns the members of the export, and the rows of the database that they must
// contain.
func (h *Harness) Export(b *Browser, userID int) (members, rows map[string][]map[string]any) {
	h.T.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b.Call("GET", "/auth/export", nil).Want(200, "").Body, &raw); err != nil {
		h.T.Fatal(err)
	}
	members = map[string][]map[string]any{"users": listOf(h.T, "["+string(raw["account"])+"]")}
	for table, member := range ExportedAs {
		members[table] = listOf(h.T, string(raw[member]))
	}
	rows = map[string][]map[string]any{"users": h.rows("SELECT * FROM users WHERE id = $1", userID)}
	owners := h.PersonalTables()
	maps.Copy(owners, KeptAfterDeletion)
	for table := range ExportedAs {
		where := owners[table] + " = $1"
		if table == "outbox" { // emails without a resolved owner
			where += " OR (user_id IS NULL AND recipient_key = 'alice@example.com')"
		}
		rows[table] = h.rows("SELECT * FROM "+table+" WHERE "+where, userID)
	}
	return members, rows
}

// rows returns the rows of a query as they look after a round trip through JSON.
func (h *Harness) rows(query string, args ...any) (all []map[string]any) {
	h.T.Helper()
	rows, err := h.DB.QueryContext(h.T.Context(), query, args...)
	if err != nil {
		h.T.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		h.T.Fatal(err)
	}
	for rows.Next() {
		row, into := make(map[string]any, len(names)), make([]any, len(names))
		for i := range into {
			into[i] = new(any)
		}
		if err := rows.Scan(into...); err != nil {
			h.T.Fatal(err)
		}
		for i, name := range names {
			row[name] = *into[i].(*any)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		h.T.Fatal(err)
	}
	return listOf(h.T, Quoted(all))
}

// listOf parses a list of objects.
func listOf(t testing.TB, text string) (list []map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return list
}
