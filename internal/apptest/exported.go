package apptest

import (
	"encoding/json"
	"maps"
	"testing"
)

// rows reads the rows of a query as JSON would have them.
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

// listOf reads a list of objects.
func listOf(t testing.TB, text string) (list []map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return list
}

// Export reads the export, and the rows that it should have been made of.
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
		if table == "outbox" { // and what nobody knows yet whose it is
			where += " OR (user_id IS NULL AND recipient_key = 'alice@example.com')"
		}
		rows[table] = h.rows("SELECT * FROM "+table+" WHERE "+where, userID)
	}
	return members, rows
}
