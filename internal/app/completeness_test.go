package app_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// exportedAs is the member of the export that each table of personal data is in.
// A new one gets a line here when it gets its part of the export.
var exportedAs = map[string]string{"sessions": "sessions", "tokens": "tokens", "outbox": "mails", "audit_events": "events"}

// outliving are the tables that keep a number of somebody who has left, and
// nothing else that tells who it was: docs/audit.md says for how long and why.
// They have no foreign key, so they are named here, with the column of whose the
// rows are.
var outliving = map[string]string{"audit_events": "user_id"}

// nobodys are the tables that say nothing about anybody who has an account.
var nobodys = map[string]string{
	"reservations":     "names that strangers have tried to register, for a week",
	"rate_limits":      "under keyed hashes, for an hour or a day",
	"login_attempts":   "under keyed hashes, for hours; the deletion of an account deletes its own",
	"administration":   "one row, to be locked",
	"goose_db_version": "the migrations that have been made",
	"sqlite_sequence":  "the numbers that have been given out",
}

// withheld are the columns that the export does not have: what would let
// somebody in, what another column says as well, and the server's own notes on
// how it sends a mail.
var withheld = map[string][]string{
	"users":        {"password_hash", "password_version", "username_key", "email_key", "unconfirmed_until"}, // the last is empty for accounts that can log in
	"sessions":     {"token_hash", "user_id"},
	"tokens":       {"token_hash", "seed", "user_id", "email_key"},
	"outbox":       {"token_hash", "message_id", "user_id", "recipient_key", "lease", "lease_until", "unreachable"},
	"audit_events": {"token_hash"},
}

// personal maps each table that refers to users to the column that does. What
// refers to one of those in turn is found as well.
func (h *harness) personal() map[string]string {
	h.t.Helper()
	query := `SELECT m.name AS tab, f."from" AS col, f."table" AS target FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
	if h.DB.Kind == db.Postgres {
		query = `SELECT c.conrelid::regclass::text AS tab, a.attname::text AS col, c.confrelid::regclass::text AS target
			FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) WHERE c.contype = 'f'`
	}
	references := h.query(query)
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

type column struct {
	name, kind string
	required   bool // no row can do without it
}

// columns lists the columns of every table.
func (h *harness) columns() map[string][]column {
	h.t.Helper()
	query := `SELECT m.name AS tab, c.name AS col, lower(c.type) AS kind, c."notnull" = 1 AND c.dflt_value IS NULL AND c.pk = 0 AS required
		FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`
	if h.DB.Kind == db.Postgres {
		query = `SELECT table_name::text AS tab, column_name::text AS col, data_type::text AS kind,
			is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AS required
			FROM information_schema.columns WHERE table_schema = 'public'`
	}
	tables := map[string][]column{}
	for _, row := range h.query(query) {
		required := row["required"] == "1" || row["required"] == "true"
		tables[row["tab"]] = append(tables[row["tab"]], column{row["col"], row["kind"], required})
	}
	return tables
}

// unlinked lists columns that look as if they said who somebody is, in tables
// that do not refer to users.
func unlinked(h *harness) (list []string) {
	h.t.Helper()
	tables, personal := h.columns(), h.personal()
	for table, columns := range tables {
		for _, c := range columns {
			_, linked := personal[table]
			if linked = linked || outliving[table] != "" || nobodys[table] != ""; !linked && table != "users" && telling.MatchString(c.name) {
				list = append(list, table+"."+c.name)
			}
		}
	}
	return list
}

var telling = regexp.MustCompile(`user|email|recipient|owner|person|account|(^|_)ip$`)

// allowed are values for columns that do not take any.
var allowed = map[string]any{"purpose": "change_email", "details": "{}"}

// insert writes a row with a value in one column and something in every other
// that needs it.
func (h *harness) insert(table, given string, value any) {
	h.t.Helper()
	values := map[string]any{given: value}
	for _, c := range h.columns()[table] {
		if !c.required || c.name == given {
			continue
		}
		unique := fmt.Sprintf("%s of %v", c.name, value)
		switch value, ok := allowed[c.name]; {
		case ok:
			values[c.name] = value
		case c.kind == "text":
			values[c.name] = unique
		case c.kind == "blob", c.kind == "bytea":
			values[c.name] = []byte(unique)
		case strings.HasPrefix(c.kind, "timestamp"):
			values[c.name] = h.clock.Now().Add(time.Hour)
		case strings.HasSuffix(c.kind, "int"), c.kind == "integer":
			values[c.name] = 1
		default:
			h.t.Fatalf("%s.%s: no value of the type %s is known here", table, c.name, c.kind)
		}
	}
	names := slices.Sorted(maps.Keys(values))
	marks, arguments := make([]string, len(names)), make([]any, len(names))
	for i, name := range names {
		marks[i], arguments[i] = fmt.Sprintf("$%d", i+1), values[name]
	}
	h.exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", ")), arguments...)
}

// undeleted lists the tables that still know somebody who has left.
func undeleted(h *harness, b *browser, userID int) (left []string) {
	h.t.Helper()
	if a := b.deleteAccount(goodPassword); a.status != 200 {
		return []string{fmt.Sprintf("all of it: %d", a.status)}
	}
	for table, owner := range h.personal() {
		if h.count(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, owner), userID) > 0 {
			left = append(left, table)
		}
	}
	slices.Sort(left)
	return left
}

// populate logs alice and bob in, and gives each of them a row in every table
// that can have one.
func populate(h *harness) (alice *browser, id int) {
	h.t.Helper()
	alice = h.browser()
	ids := map[string]int{}
	for _, name := range []string{"alice", "bob"} {
		h.browser().register(name)
		h.browser().login(name)
		ids[name] = h.count("SELECT id FROM users WHERE username = $1", name)
		for table, owner := range h.personal() {
			h.insert(table, owner, ids[name])
		}
		h.insert("outbox", "recipient_key", name+"@example.com") // nobody knows yet whose
	}
	// One of hers has ended and has not been swept.
	h.exec("UPDATE sessions SET last_seen_at = $1 WHERE id = (SELECT min(id) FROM sessions)", h.clock.Now().Add(-2*time.Hour))
	alice.login("alice")
	return alice, ids["alice"]
}

func TestExportAndDeletionLeaveNothingOut(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		tables := h.personal()
		maps.Copy(tables, outliving)
		if got := slices.Sorted(maps.Keys(tables)); !slices.Equal(got, slices.Sorted(maps.Keys(exportedAs))) {
			t.Errorf("these tables refer to users: %v", got)
		}
		for table := range h.columns() {
			if exportedAs[table] == "" && nobodys[table] == "" && table != "users" {
				t.Errorf("%s is new: is there anything about people in it?", table)
			}
		}
		alice, id := populate(h)
		h.exec("UPDATE audit_events SET actor_id = 4711 WHERE id = (SELECT min(id) FROM audit_events WHERE user_id = $1)", id)
		h.exec("UPDATE outbox SET last_error = '450 later' WHERE id = (SELECT min(id) FROM outbox WHERE user_id = $1)", id)
		for _, one := range unexported(h, alice, id) {
			t.Errorf("the export lacks %s", one)
		}
		if n := h.count("SELECT count(*) FROM outbox WHERE user_id IS NULL AND recipient_key = 'alice@example.com'"); n != 1 {
			t.Fatalf("%d mails to alice that are nobody's yet", n)
		}
		others := func() string {
			return fmt.Sprint(h.query("SELECT * FROM users WHERE username = 'bob'"), h.query("SELECT * FROM sessions WHERE user_id <> "+fmt.Sprint(id)),
				h.query("SELECT * FROM tokens WHERE user_id <> "+fmt.Sprint(id)), h.query("SELECT * FROM outbox WHERE user_id <> "+fmt.Sprint(id)+" OR recipient_key = 'bob@example.com'"))
		}
		before := others()
		for _, one := range undeleted(h, alice, id) {
			t.Errorf("deletion leaves %s", one)
		}
		if all := h.dump() + h.trail(); strings.Contains(all, "alice") {
			t.Errorf("something still knows her:\n%s", all)
		}
		for table, column := range outliving {
			if h.count(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, column), id) == 0 {
				t.Errorf("%s has forgotten her", table)
			}
		}
		if others() != before {
			t.Error("deletion has touched somebody else")
		}
	})
}

// A check that never fails proves nothing: each of these changes to the schema
// must show.
func TestForgottenTablesAndColumnsAreFound(t *testing.T) {
	reference := "CREATE TABLE notes (id BIGINT, user_id BIGINT NOT NULL REFERENCES users (id) %s, text TEXT NOT NULL)"
	tests := map[string]struct {
		change, export, deletion string
	}{
		"table":                {fmt.Sprintf(reference, "ON DELETE CASCADE"), "notes", ""},
		"table that blocks":    {fmt.Sprintf(reference, ""), "notes", "all of it: 500"},
		"column":               {"ALTER TABLE users ADD COLUMN phone TEXT", "users.phone (is it there: false)", ""},
		"column of a session":  {"ALTER TABLE sessions ADD COLUMN city TEXT", "sessions.city (is it there: false)", ""},
		"table behind a table": {"CREATE TABLE steps (id BIGINT, session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE)", "steps", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				h.exec(test.change)
				alice, id := populate(h)
				if got := unexported(h, alice, id); !slices.Contains(got, test.export) {
					t.Errorf("the export lacks %q, without %q", got, test.export)
				}
				if got := strings.Join(undeleted(h, alice, id), ", "); got != test.deletion {
					t.Errorf("deletion leaves %q, want %q", got, test.deletion)
				}
			})
		})
	}
}

func TestEverythingAboutAPersonRefersToThem(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newServer(t, d)
		if list := unlinked(h); len(list) > 0 {
			t.Errorf("these columns are in tables that do not refer to users: %v", list)
		}
		h.exec("CREATE TABLE visits (id BIGINT, user_name TEXT, ip TEXT)")
		if n := len(unlinked(h)); n != 2 {
			t.Errorf("%d columns are found, want 2", n)
		}
	})
}
