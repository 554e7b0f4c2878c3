package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// Every audit event of the users commands has the operation "shell" and no actor, in the
// database and in the log, as docs/audit.md promises. That includes the end of the sessions
// of a person who is logged in.
func TestUsers_EveryAuditEventHasOperationShell(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		withoutMail := serverSettings(url).with(settings{"REGISTRATION": "open"})
		withMail := withoutMail.with(settings{"MAIL_URL": mailtest.New(t).URL(), "MAIL_FROM": "auth@example.com", "FRONTEND_URL": "http://localhost:3000"})
		d := openDatabase(t, withoutMail)
		steps := []struct {
			env  settings
			args string
			want []string // "event reason" of each new row, in order
		}{
			{withoutMail, "create alice alice@example.com --role admin", []string{"user_created invited_as_admin", "authz_admin link_shown"}},
			{withMail, "create bob bob@example.com", []string{"user_created invited_as_user", "authz_admin link_sent"}},
			{withMail, "create carol carol@example.com --link", []string{"user_created invited_as_user", "authz_admin link_shown"}},
			{withMail, "reset-password bob", []string{"authz_admin link_sent"}},
			{withoutMail, "reset-password bob", []string{"authz_admin link_shown"}},
			{withoutMail, "set-role bob moderator", []string{"authz_change user_to_moderator"}},
			{withoutMail, "set-role bob moderator", nil},
			{withoutMail, "disable bob", []string{"user_archived disabled"}}, // who is not logged in
			{withoutMail, "disable bob", nil},
			{withoutMail, "enable bob", []string{"user_updated enabled"}},
			{withoutMail, "enable bob", nil},
			{withoutMail, "list", nil},
			{withoutMail, "show bob", nil},
			{withoutMail, "disable dave", []string{"user_archived disabled", "authn_token_revoked sessions_ended"}}, // who is logged in
			{withoutMail, "enable dave", []string{"user_updated enabled"}},
			{withoutMail, "delete dave", []string{"user_deleted "}},
			{withoutMail, "delete bob", []string{"user_deleted "}},
		}
		p := serve(t, withoutMail)
		c := newClient(t, p.url)
		dave := map[string]string{"username": "dave", "email": "dave@example.com", "password": "Tr4vel-light"}
		if a := c.call(t, "POST", "/auth/register", "", dave); !a.is(http.StatusCreated) {
			t.Fatal(a)
		}
		delete(dave, "email")
		cookie := c.call(t, "POST", "/auth/login", "", dave).cookie
		if a := c.call(t, "GET", "/auth/profile", cookie, nil); !a.is(http.StatusOK) {
			t.Fatal(a)
		}
		p.stop() // so that every new event is of a command
		for _, step := range steps {
			before := lastAuditEvent(t, d)
			command := runToEnd(t, step.env, append([]string{"users"}, strings.Fields(step.args)...)...)
			if code := command.exit(waitLimit); code != 0 {
				t.Fatalf("users %s: exit status %d: %s", step.args, code, command.stderr.String())
			}
			stored := auditEventsSince(t, d, before)
			if !slices.Equal(stored, step.want) {
				t.Errorf("users %s: stored %q, want %q", step.args, stored, step.want)
			}
			var logged []string
			for text := range strings.Lines(command.stderr.String()) {
				var line map[string]any
				if err := json.Unmarshal([]byte(text), &line); err != nil {
					t.Fatalf("users %s: log line %q: %v", step.args, text, err)
				}
				if line["msg"] == "audit" {
					logged = append(logged, line["event"].(string)+" "+line["reason"].(string))
					if line["operation"] != "shell" || line["actor_id"] != 0.0 {
						t.Errorf("users %s: logged %v, want the operation shell and no actor", step.args, line)
					}
				}
			}
			if !slices.Equal(logged, step.want) {
				t.Errorf("users %s: logged %q, want %q", step.args, logged, step.want)
			}
		}
		again := serve(t, withoutMail)
		if a := newClient(t, again.url).call(t, "GET", "/auth/profile", cookie, nil); !a.is(http.StatusUnauthorized) {
			t.Errorf("after the account was disabled: %s", a)
		}
		again.stop()
	})
}

// openDatabase migrates and opens the database of a server.
func openDatabase(t testing.TB, env settings) *db.DB {
	t.Helper()
	if _, err := db.MigrateUp(t.Context(), env["DATABASE_URL"]); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func lastAuditEvent(t testing.TB, d *db.DB) (id int64) {
	t.Helper()
	if err := d.QueryRowContext(t.Context(), "SELECT COALESCE(max(id), 0) FROM audit_events").Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// auditEventsSince returns "event reason" of each audit event after id, and checks its
// operation and its actor.
func auditEventsSince(t testing.TB, d *db.DB, id int64) (list []string) {
	t.Helper()
	rows, err := d.QueryContext(t.Context(), "SELECT event, reason, operation, actor_id IS NULL FROM audit_events WHERE id > $1 ORDER BY id", id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var event, reason, operation string
		var anonymous bool
		if err := rows.Scan(&event, &reason, &operation, &anonymous); err != nil {
			t.Fatal(err)
		}
		if operation != "shell" || !anonymous {
			t.Errorf("%s %s: stored the operation %q, without actor %v, want shell and true", event, reason, operation, anonymous)
		}
		list = append(list, event+" "+reason)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
