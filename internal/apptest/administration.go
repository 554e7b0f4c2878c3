package apptest

import (
	"fmt"
	"strings"

	"github.com/techtreks/auth/db"
)

// IDOf is the number of an account.
func (h *Harness) IDOf(username string) int {
	h.T.Helper()
	return h.Count("SELECT id FROM users WHERE username = $1", username)
}

// Manage does something to somebody's account: manage("PUT", "bob", "/role", …).
func (b *Browser) Manage(method, username, what string, body any) *Answer {
	b.H.T.Helper()
	return b.Call(method, fmt.Sprintf("/auth/admin/users/%d%s", b.H.IDOf(username), what), body)
}

// EventsAbout returns the events about an account with their reasons, oldest first.
func (h *Harness) EventsAbout(id int) (list []string) {
	h.T.Helper()
	for _, row := range h.Query(fmt.Sprintf("SELECT event, reason, actor_id FROM audit_events WHERE user_id = %d ORDER BY id", id)) {
		list = append(list, strings.TrimSpace(row["event"]+" "+row["reason"])+" by "+row["actor_id"])
	}
	return list
}

// WantEvent fails unless the newest events about an account include one.
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
		h.T.Errorf("%q is recorded %d times among %q", want, n, all)
	}
}

// BeforeLock has a statement run when a transaction is about to hold an
// account.
func (h *Harness) BeforeLock(username, statement string) {
	h.T.Helper()
	if h.DB.Kind == db.SQLite {
		h.Exec("CREATE TRIGGER meanwhile BEFORE UPDATE ON users WHEN NEW.username = '" + username + "' BEGIN " + statement + "; END")
		return
	}
	h.Exec("CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN " + statement + "; RETURN NEW; END $x$")
	h.Exec("CREATE TRIGGER meanwhile BEFORE UPDATE ON users FOR EACH ROW WHEN (NEW.username = '" + username + "') EXECUTE FUNCTION meanwhile()")
}
