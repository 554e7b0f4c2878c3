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

// notPersonal lists the tables without data about the owner of an account.
var notPersonal = map[string]string{
	"reservations":     "usernames of registrations with a taken address, for a week",
	"rate_limits":      "keyed hashes, for an hour or a day",
	"login_attempts":   "keyed hashes, for hours; the deletion of an account deletes its rows",
	"administration":   "one row, which serves as a lock",
	"goose_db_version": "applied migrations",
	"sqlite_sequence":  "the highest ids",
}

// withheld lists the columns that the export leaves out: secrets, copies of other columns
// and internal data of the mail worker.
var withheld = map[string][]string{
	"users":        {"password_hash", "password_version", "username_key", "email_key", "unconfirmed_until"}, // the last is empty for accounts that can log in
	"sessions":     {"token_hash", "user_id"},
	"tokens":       {"token_hash", "seed", "user_id", "email_key"},
	"outbox":       {"token_hash", "message_id", "user_id", "recipient_key", "lease", "lease_until", "unreachable"},
	"audit_events": {"token_hash"},
}

// unlinked lists columns whose names suggest personal data, in tables that do not refer to
// users.
func unlinked(h *apptest.Harness) (list []string) {
	h.T.Helper()
	tables, personal := h.Columns(), h.PersonalTables()
	for table, columns := range tables {
		for _, c := range columns {
			_, linked := personal[table]
			if linked = linked || apptest.KeptAfterDeletion[table] != "" || notPersonal[table] != ""; !linked && table != "users" && personalName.MatchString(c.Name) {
				list = append(list, table+"."+c.Name)
			}
		}
	}
	return list
}

// personalName matches the names of columns that suggest personal data.
var personalName = regexp.MustCompile(`user|email|recipient|owner|person|account|(^|_)ip$`)

// undeleted deletes an account and lists the tables that still have rows of it.
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

// populate logs alice and bob in, and adds a row of each in every table that refers to
// users.
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
		h.Insert("outbox", "recipient_key", name+"@example.com") // without a resolved owner
	}
	// One session of alice has expired and has not been swept.
	h.Exec("UPDATE sessions SET last_seen_at = $1 WHERE id = (SELECT min(id) FROM sessions)", h.Clock.Now().Add(-2*time.Hour))
	alice.Login("alice")
	return alice, ids["alice"]
}

func TestExportAccount_AndDeletionCoverEveryTable(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		tables := h.PersonalTables()
		maps.Copy(tables, apptest.KeptAfterDeletion)
		if got := slices.Sorted(maps.Keys(tables)); !slices.Equal(got, slices.Sorted(maps.Keys(apptest.ExportedAs))) {
			t.Errorf("these tables refer to users: %v; want those of apptest.ExportedAs", got)
		}
		for table := range h.Columns() {
			if apptest.ExportedAs[table] == "" && notPersonal[table] == "" && table != "users" {
				t.Errorf("the table %s is new: add it to the export or to notPersonal", table)
			}
		}
		alice, id := populate(h)
		h.Exec("UPDATE audit_events SET actor_id = 4711 WHERE id = (SELECT min(id) FROM audit_events WHERE user_id = $1)", id)
		h.Exec("UPDATE outbox SET last_error = '450 later' WHERE id = (SELECT min(id) FROM outbox WHERE user_id = $1)", id)
		for _, missing := range unexported(h, alice, id) {
			t.Errorf("the export lacks %s", missing)
		}
		if n := h.Count("SELECT count(*) FROM outbox WHERE user_id IS NULL AND recipient_key = 'alice@example.com'"); n != 1 {
			t.Fatalf("got %d mails to alice without a resolved owner, want 1", n)
		}
		others := func() string {
			return fmt.Sprint(h.Query("SELECT * FROM users WHERE username = 'bob'"), h.Query("SELECT * FROM sessions WHERE user_id <> "+fmt.Sprint(id)),
				h.Query("SELECT * FROM tokens WHERE user_id <> "+fmt.Sprint(id)), h.Query("SELECT * FROM outbox WHERE user_id <> "+fmt.Sprint(id)+" OR recipient_key = 'bob@example.com'"))
		}
		before := others()
		for _, left := range undeleted(h, alice, id) {
			t.Errorf("the deletion leaves %s", left)
		}
		if all := h.Dump() + h.Trail(); strings.Contains(all, "alice") {
			t.Errorf("the database still contains the name alice:\n%s", all)
		}
		for table, column := range apptest.KeptAfterDeletion {
			if h.Count(fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, column), id) == 0 {
				t.Errorf("%s has no row of alice, which must be kept", table)
			}
		}
		if others() != before {
			t.Error("the deletion has changed another account")
		}
	})
}

// The checks must fail for each of these changes to the schema. A check that never fails
// proves nothing.
func TestExportAccount_CheckFindsForgottenTablesAndColumns(t *testing.T) {
	reference := "CREATE TABLE notes (id BIGINT, user_id BIGINT NOT NULL REFERENCES users (id) %s, text TEXT NOT NULL)"
	tests := map[string]struct {
		change, export, deletion string
	}{
		"table":                          {fmt.Sprintf(reference, "ON DELETE CASCADE"), "notes", ""},
		"table that blocks the deletion": {fmt.Sprintf(reference, ""), "notes", "all of it: 500"},
		"column":                         {"ALTER TABLE users ADD COLUMN phone TEXT", "users.phone (exported: false)", ""},
		"column of sessions":             {"ALTER TABLE sessions ADD COLUMN city TEXT", "sessions.city (exported: false)", ""},
		"table that refers to sessions":  {"CREATE TABLE steps (id BIGINT, session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE)", "steps", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Exec(test.change)
				alice, id := populate(h)
				if got := unexported(h, alice, id); !slices.Contains(got, test.export) {
					t.Errorf("the export lacks %q, want %q among them", got, test.export)
				}
				if got := strings.Join(undeleted(h, alice, id), ", "); got != test.deletion {
					t.Errorf("the deletion leaves %q, want %q", got, test.deletion)
				}
			})
		})
	}
}

func TestExportAccount_PersonalDataRefersToUsers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := apptest.NewServer(t, d)
		if list := unlinked(h); len(list) > 0 {
			t.Errorf("these columns of tables without a reference to users suggest personal data: %v", list)
		}
		h.Exec("CREATE TABLE visits (id BIGINT, user_name TEXT, ip TEXT)")
		if n := len(unlinked(h)); n != 2 {
			t.Errorf("found %d columns, want 2", n)
		}
	})
}
