package account_test

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
	"github.com/techtreks/auth/internal/apptest"
)

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

// unlinked lists columns that look as if they said who somebody is, in tables
// that do not refer to users.
func unlinked(h *apptest.Harness) (list []string) {
	h.T.Helper()
	tables, personal := h.Columns(), h.PersonalTables()
	for table, columns := range tables {
		for _, c := range columns {
			_, linked := personal[table]
			if linked = linked || apptest.KeptAfterDeletion[table] != "" || nobodys[table] != ""; !linked && table != "users" && telling.MatchString(c.Name) {
				list = append(list, table+"."+c.Name)
			}
		}
	}
	return list
}

var telling = regexp.MustCompile(`user|email|recipient|owner|person|account|(^|_)ip$`)

// undeleted lists the tables that still know somebody who has left.
func undeleted(h *apptest.Harness, b *apptest.Browser, userID int) (left []string) {
	h.T.Helper()
	if a := b.DeleteAccount(apptest.GoodPassword); a.Status != 200 {
		return []string{fmt.Sprintf("all of it: %d", a.Status)}
	}
	for table, owner := range h.PersonalTables() {
		if h.Count(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, owner), userID) > 0 {
			left = append(left, table)
		}
	}
	slices.Sort(left)
	return left
}

// populate logs alice and bob in, and gives each of them a row in every table
// that can have one.
func populate(h *apptest.Harness) (alice *apptest.Browser, id int) {
	h.T.Helper()
	alice = h.Browser()
	ids := map[string]int{}
	for _, name := range []string{"alice", "bob"} {
		h.Browser().Register(name)
		h.Browser().Login(name)
		ids[name] = h.Count("SELECT id FROM users WHERE username = $1", name)
		for table, owner := range h.PersonalTables() {
			h.Insert(table, owner, ids[name])
		}
		h.Insert("outbox", "recipient_key", name+"@example.com") // nobody knows yet whose
	}
	// One of hers has ended and has not been swept.
	h.Exec("UPDATE sessions SET last_seen_at = $1 WHERE id = (SELECT min(id) FROM sessions)", h.Clock.Now().Add(-2*time.Hour))
	alice.Login("alice")
	return alice, ids["alice"]
}

func TestExportAndDeletionLeaveNothingOut(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		tables := h.PersonalTables()
		maps.Copy(tables, apptest.KeptAfterDeletion)
		if got := slices.Sorted(maps.Keys(tables)); !slices.Equal(got, slices.Sorted(maps.Keys(apptest.ExportedAs))) {
			t.Errorf("these tables refer to users: %v", got)
		}
		for table := range h.Columns() {
			if apptest.ExportedAs[table] == "" && nobodys[table] == "" && table != "users" {
				t.Errorf("%s is new: is there anything about people in it?", table)
			}
		}
		alice, id := populate(h)
		h.Exec("UPDATE audit_events SET actor_id = 4711 WHERE id = (SELECT min(id) FROM audit_events WHERE user_id = $1)", id)
		h.Exec("UPDATE outbox SET last_error = '450 later' WHERE id = (SELECT min(id) FROM outbox WHERE user_id = $1)", id)
		for _, one := range unexported(h, alice, id) {
			t.Errorf("the export lacks %s", one)
		}
		if n := h.Count("SELECT count(*) FROM outbox WHERE user_id IS NULL AND recipient_key = 'alice@example.com'"); n != 1 {
			t.Fatalf("%d mails to alice that are nobody's yet", n)
		}
		others := func() string {
			return fmt.Sprint(h.Query("SELECT * FROM users WHERE username = 'bob'"), h.Query("SELECT * FROM sessions WHERE user_id <> "+fmt.Sprint(id)),
				h.Query("SELECT * FROM tokens WHERE user_id <> "+fmt.Sprint(id)), h.Query("SELECT * FROM outbox WHERE user_id <> "+fmt.Sprint(id)+" OR recipient_key = 'bob@example.com'"))
		}
		before := others()
		for _, one := range undeleted(h, alice, id) {
			t.Errorf("deletion leaves %s", one)
		}
		if all := h.Dump() + h.Trail(); strings.Contains(all, "alice") {
			t.Errorf("something still knows her:\n%s", all)
		}
		for table, column := range apptest.KeptAfterDeletion {
			if h.Count(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, column), id) == 0 {
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
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Exec(test.change)
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
		h := apptest.NewServer(t, d)
		if list := unlinked(h); len(list) > 0 {
			t.Errorf("these columns are in tables that do not refer to users: %v", list)
		}
		h.Exec("CREATE TABLE visits (id BIGINT, user_name TEXT, ip TEXT)")
		if n := len(unlinked(h)); n != 2 {
			t.Errorf("%d columns are found, want 2", n)
		}
	})
}
