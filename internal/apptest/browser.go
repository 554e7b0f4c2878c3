package apptest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/contract"
)

// samples are the contracts' own examples of requests.
type samples struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name    string
			Example any
		}
		RequestBody struct {
			Content map[string]struct {
				Examples map[string]struct{ Value any }
			}
		}
	}
}

// sampled are those of each contract, by its hash: reading one takes milliseconds.
var sampled sync.Map

// Sample returns a request that an operation takes, out of the contract's own
// examples, so that a new operation is covered on the day it is written.
func (h *Harness) Sample(op *contract.Operation) (path string, body any) {
	h.T.Helper()
	hash := sha256.Sum256(h.Contract.JSON)
	doc, ok := sampled.Load(hash)
	if !ok {
		read := &samples{}
		if err := json.Unmarshal(h.Contract.JSON, read); err != nil {
			h.T.Fatal(err)
		}
		doc, _ = sampled.LoadOrStore(hash, read)
	}
	spec := doc.(*samples).Paths[op.Path][strings.ToLower(op.Method)]
	path = op.Path
	for _, p := range spec.Parameters {
		path = strings.ReplaceAll(path, "{"+p.Name+"}", fmt.Sprint(p.Example))
	}
	examples := spec.RequestBody.Content["application/json"].Examples
	for _, name := range slices.Sorted(maps.Keys(examples)) {
		body = examples[name].Value
	}
	if op.ID == "register" { // the account of the example exists in most tests
		body = map[string]any{"username": "planted", "email": "planted@example.com", "password": GoodPassword}
	}
	return path, body
}

// Changing are the operations that may change something, safe the others.
func (h *Harness) Changing() []*contract.Operation { return h.operations(false) }

func (h *Harness) Safe() []*contract.Operation { return h.operations(true) }

func (h *Harness) operations(safe bool) []*contract.Operation {
	return slices.DeleteFunc(slices.Clone(h.Contract.Operations), func(op *contract.Operation) bool {
		return (op.Method == "GET") != safe
	})
}

// Dump writes out every table but goose's and the trail, which refusals grow,
// except the columns named.
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
		fmt.Fprintf(&text, "  %q\n", row) // maps print in the order of their keys
	}
	return text.String()
}

// Trail writes out what has been recorded.
func (h *Harness) Trail() string { return h.dumpTable("audit_events") }

// Query returns rows as text by the name and by the number of the column.
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

// Snapshot is every header of an answer but those that differ each time.
func Snapshot(header http.Header) string {
	header = header.Clone()
	if len(header.Get("X-Request-Id")) == 26 {
		header.Set("X-Request-Id", "26 characters")
	}
	for _, name := range []string{"Date", "Content-Length"} {
		header.Del(name)
	}
	var lines []string
	for name, values := range header {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (h *Harness) Exec(statement string, args ...any) {
	h.T.Helper()
	if _, err := h.DB.ExecContext(h.T.Context(), statement, args...); err != nil {
		h.T.Fatal(err)
	}
}

// FailCommits has every transaction fail that inserts into a table, at its commit: by a rule
// that is looked at only then, and always broken.
func (h *Harness) FailCommits(table string) {
	h.T.Helper()
	if h.DB.Kind == db.Postgres {
		h.Exec("CREATE TABLE nobody (id BIGINT PRIMARY KEY)")
		h.Exec("ALTER TABLE " + table + " ADD CONSTRAINT doomed FOREIGN KEY (id) REFERENCES nobody DEFERRABLE INITIALLY DEFERRED NOT VALID")
		return
	}
	h.Exec("CREATE TABLE doomed (id INTEGER REFERENCES users DEFERRABLE INITIALLY DEFERRED)")
	h.Exec("CREATE TRIGGER doom AFTER INSERT ON " + table + " BEGIN INSERT INTO doomed VALUES (-1); END")
}
