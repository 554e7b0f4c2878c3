package apptest

import (
	"fmt"
	"strings"

	"github.com/techtreks/auth/db"
)

// Count returns the single number that a query selects.
func (h *Harness) Count(query string, args ...any) int {
	h.T.Helper()
	var n int
	if err := h.DB.QueryRowContext(h.T.Context(), query, args...).Scan(&n); err != nil {
		h.T.Fatal(err)
	}
	return n
}

// Query returns rows as text. Keys are the names of the columns, and "0" for the first
// column.
func (h *Harness) Query(query string) (all []map[string]string) {
	h.T.Helper()
	rows, err := h.DB.QueryContext(h.T.Context(), query)
	if err != nil {
		h.T.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		h.T.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			h.T.Fatal(err)
		}
		row := map[string]string{"0": fmt.Sprintf("%s", values[0])}
		for i, name := range columns {
			row[name] = fmt.Sprintf("%v", values[i])
			if b, ok := values[i].([]byte); ok {
				row[name] = string(b)
			}
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		h.T.Fatal(err)
	}
	return all
}

// Exec runs a statement.
func (h *Harness) Exec(statement string, args ...any) {
	h.T.Helper()
	if _, err := h.DB.ExecContext(h.T.Context(), statement, args...); err != nil {
		h.T.Fatal(err)
	}
}

// Dump writes every table as text, without the named columns. It skips the tables of goose
// and the audit trail, which grows with every rejected request.
func (h *Harness) Dump(without ...string) string {
	h.T.Helper()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY name"
	if h.DB.Kind == db.Postgres {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE 'goose_%' ORDER BY table_name"
	}
	var text strings.Builder
	for _, table := range h.Query(tables) {
		if table["0"] != "audit_events" {
			text.WriteString(h.dumpTable(table["0"], without...))
		}
	}
	return text.String()
}

func (h *Harness) dumpTable(table string, without ...string) string {
	h.T.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", table)
	for _, row := range h.Query(fmt.Sprintf("SELECT * FROM %s ORDER BY 1", table)) {
		for _, column := range without {
			delete(row, column)
		}
		fmt.Fprintf(&text, "  %q\n", row) // fmt prints maps in the order of their keys
	}
	return text.String()
}

// Trail writes the audit trail as text.
func (h *Harness) Trail() string { return h.dumpTable("audit_events") }

// Recorded returns the rows of the audit trail, oldest first.
func (h *Harness) Recorded() []map[string]string {
	h.T.Helper()
	return h.Query("SELECT * FROM audit_events ORDER BY id")
}

// EventsAbout returns the events of an account, oldest first, each as "event reason by
// actor".
func (h *Harness) EventsAbout(id int) (list []string) {
	h.T.Helper()
	for _, row := range h.Query(fmt.Sprintf("SELECT event, reason, actor_id FROM audit_events WHERE user_id = %d ORDER BY id", id)) {
		list = append(list, strings.TrimSpace(row["event"]+" "+row["reason"])+" by "+row["actor_id"])
	}
	return list
}

// WantEvent fails the test unless the trail has the event exactly once for the account.
func (h *Harness) WantEvent(id int, want string) {
	h.T.Helper()
	all := h.EventsAbout(id)
	n := 0
	for _, event := range all {
		if event == want {
			n++
		}
	}
	if n != 1 {
		h.T.Errorf("%q: got %d events, want 1 among %q", want, n, all)
	}
}
