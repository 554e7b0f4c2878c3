package app_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/config"
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

// sample returns a request that an operation takes, out of the contract's own
// examples, so that a new operation is covered on the day it is written.
func (h *harness) sample(op *contract.Operation) (path string, body any) {
	h.t.Helper()
	hash := sha256.Sum256(h.Contract.JSON)
	doc, ok := sampled.Load(hash)
	if !ok {
		read := &samples{}
		if err := json.Unmarshal(h.Contract.JSON, read); err != nil {
			h.t.Fatal(err)
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
		body = map[string]any{"username": "planted", "email": "planted@example.com", "password": goodPassword}
	}
	return path, body
}

// changing are the operations that may change something, safe the others.
func (h *harness) changing() []*contract.Operation { return h.operations(false) }
func (h *harness) safe() []*contract.Operation     { return h.operations(true) }

func (h *harness) operations(safe bool) []*contract.Operation {
	return slices.DeleteFunc(slices.Clone(h.Contract.Operations), func(op *contract.Operation) bool {
		return (op.Method == "GET") != safe
	})
}

// dump writes out every table but goose's and the trail, which refusals grow,
// except the columns named.
func (h *harness) dump(without ...string) string {
	h.t.Helper()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY name"
	if h.DB.Kind == db.Postgres {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE 'goose_%' ORDER BY table_name"
	}
	var text strings.Builder
	for _, table := range h.query(tables) {
		if table["0"] != "audit_events" {
			text.WriteString(h.dumpTable(table["0"], without...))
		}
	}
	return text.String()
}

func (h *harness) dumpTable(table string, without ...string) string {
	h.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", table)
	for _, row := range h.query(fmt.Sprintf("SELECT * FROM %s ORDER BY 1", table)) {
		for _, column := range without {
			delete(row, column)
		}
		fmt.Fprintf(&text, "  %q\n", row) // maps print in the order of their keys
	}
	return text.String()
}

// trail writes out what has been recorded.
func (h *harness) trail() string { return h.dumpTable("audit_events") }

// query returns rows as text by the name and by the number of the column.
func (h *harness) query(query string) (all []map[string]string) {
	h.t.Helper()
	rows, err := h.DB.QueryContext(h.t.Context(), query)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		h.t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			h.t.Fatal(err)
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
		h.t.Fatal(err)
	}
	return all
}

// snapshot is every header of an answer but those that differ each time.
func snapshot(header http.Header) string {
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

const everyAnswer = `Cache-Control: no-store
Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
Cross-Origin-Opener-Policy: same-origin
Cross-Origin-Resource-Policy: same-site
Referrer-Policy: no-referrer
Vary: Origin, Cookie, Sec-Fetch-Site
X-Content-Type-Options: nosniff
X-Frame-Options: DENY
X-Request-Id: 26 characters
X-Xss-Protection: 0`

// The whole set of headers is compared, so nothing that tells about the
// machinery (Server, X-Powered-By) can creep in either. Frameworks tend to lose
// such headers on errors, which is where a page would be framed or sniffed.
func TestHeadersOfEveryKindOfAnswer(t *testing.T) {
	const json = "Content-Type: application/json; charset=utf-8"
	alice := members{"username": "alice", "email": "alice@example.com", "password": goodPassword}
	login := members{"username": "alice", "password": goodPassword}
	tests := []struct {
		name         string
		status       int
		method, path string
		body         any
		edit         func(*http.Request)
		server       func(*harness) *harness
		more         []string
	}{
		{"200", 200, "GET", "/auth/current_user", nil, nil, nil, []string{json}},
		{"200 text", 200, "GET", "/", nil, nil, nil, []string{"Content-Type: text/plain; charset=utf-8"}},
		{"201", 201, "POST", "/auth/register", alice, nil, nil, []string{json}},
		{"204", 204, "OPTIONS", "/auth/login", nil, nil, nil, []string{"Allow: POST, OPTIONS"}},
		{"400", 400, "POST", "/auth/login", "{", nil, nil, []string{json}},
		{"401", 401, "GET", "/auth/profile", nil, nil, nil, []string{json}},
		{"403", 403, "GET", "/auth/current_user", nil, header("Origin", "https://evil.example"), nil, []string{json}},
		{"404", 404, "GET", "/.git/config", nil, nil, nil, []string{json}},
		{"404 for another method", 404, "PATCH", "/wp-login.php", nil, nil, nil, []string{json}},
		{"405", 405, "DELETE", "/auth/login", nil, nil, nil, []string{json, "Allow: POST, OPTIONS"}},
		{"409", 409, "POST", "/auth/register", alice, nil, nil, []string{json}},
		{"413", 413, "POST", "/auth/login", strings.Repeat(" ", contract.MaxBody+1), nil, nil, []string{json}},
		{"415", 415, "POST", "/auth/login", "{}", header("Content-Type", "text/plain"), nil, []string{json}},
		{"500 by a panic", 500, "POST", "/auth/login", login, nil, withoutPasswords, []string{json}},
		{"503 by the database", 503, "GET", "/readyz", nil, nil, withoutSchema, []string{json, "Retry-After: 2"}},
		{"503 by shutting down", 503, "GET", "/readyz", nil, nil, draining, []string{json, "Retry-After: 5"}},
	}
	for where, options := range map[string][]func(*config.Config){"development": nil, "production": {inProduction}} {
		t.Run(where, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				for _, test := range tests {
					edit, at := test.edit, h
					if edit == nil {
						edit = func(*http.Request) {}
					}
					if test.server != nil {
						at = test.server(h.another(options...))
					}
					a := at.browser().call(test.method, test.path, test.body, edit)
					lines := append(strings.Split(everyAnswer, "\n"), test.more...)
					if where == "production" {
						lines = append(lines, "Strict-Transport-Security: max-age=31536000; includeSubDomains")
					}
					slices.Sort(lines)
					if got, want := snapshot(a.header), strings.Join(lines, "\n"); a.status != test.status || got != want {
						t.Errorf("%s: %d\n%s\nwant\n%s", test.name, a.status, got, want)
					}
				}
			}, options...)
		})
	}
}

// Servers that fail on purpose.
func withoutPasswords(h *harness) *harness { h.setPasswords(nil); return h }
func draining(h *harness) *harness         { h.Service.Draining.Store(true); return h }
func withoutSchema(h *harness) *harness {
	h.exec("ALTER TABLE goose_db_version RENAME TO elsewhere")
	h.t.Cleanup(func() {
		if _, err := h.DB.ExecContext(context.Background(), "ALTER TABLE elsewhere RENAME TO goose_db_version"); err != nil {
			h.t.Error(err)
		}
	})
	return h
}

func (h *harness) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.DB.ExecContext(h.t.Context(), statement, args...); err != nil {
		h.t.Fatal(err)
	}
}

// doom has every transaction fail that inserts into a table, at its commit: by a rule
// that is looked at only then, and always broken.
func (h *harness) doom(table string) {
	h.t.Helper()
	if h.DB.Kind == db.Postgres {
		h.exec("CREATE TABLE nobody (id BIGINT PRIMARY KEY)")
		h.exec("ALTER TABLE " + table + " ADD CONSTRAINT doomed FOREIGN KEY (id) REFERENCES nobody DEFERRABLE INITIALLY DEFERRED NOT VALID")
		return
	}
	h.exec("CREATE TABLE doomed (id INTEGER REFERENCES users DEFERRABLE INITIALLY DEFERRED)")
	h.exec("CREATE TRIGGER doom AFTER INSERT ON " + table + " BEGIN INSERT INTO doomed VALUES (-1); END")
}

// Whatever is personal must not stay in a cache: only files of the
// documentation page may. And a body without a character set is read in one
// that the attacker may choose.
func TestEveryBodyNamesItsCharacterSetAndOnlyAssetsAreKept(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		for _, op := range h.Contract.Operations {
			path, body := h.sample(op)
			for _, a := range []*answer{b.call(op.Method, path, body), b.call(op.Method, path, body, header("Origin", "null")), b.call("PUT", path, nil)} {
				if got := a.header.Get("Content-Type"); !strings.HasSuffix(got, "; charset=utf-8") {
					t.Errorf("%s: %d is %q", a.what, a.status, got)
				}
				if got, asset := a.header.Get("Cache-Control"), op.ID == "getDocsAsset" && a.status == 200; got != "no-store" && !asset {
					t.Errorf("%s: %d may be kept: %q", a.what, a.status, got)
				}
			}
		}
		policy := b.call("GET", "/docs", nil).header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
			t.Errorf("the page's policy is %q", policy)
		}
	})
}

// A page that changes nothing by looking: links, images and prefetching send
// such requests with the victim's cookie (SameSite=Lax lets them).
func TestSafeMethodsChangeNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		h.clock.advance(2 * time.Minute) // the session is due for renewal
		before := h.dump("last_seen_at")
		for _, op := range h.Contract.Operations {
			path, _ := h.sample(op)
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				for range 2 {
					b.call(method, path, nil)
					b.call(method, path+"?username=alice&password=x&_method=POST", nil, header("X-Http-Method-Override", "POST"))
				}
			}
			if after := h.dump("last_seen_at"); after != before {
				t.Errorf("%s %s changed the database:\n%s\nwas\n%s", op.Method, path, after, before)
			}
		}
		if !b.loggedIn() {
			t.Error("the session is gone")
		}
	})
}
