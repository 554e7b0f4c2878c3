package server_test

import (
	"fmt"
	"testing"

	"github.com/techtreks/auth/db"
)

// recorded are the rows of the trail, oldest first.
func (h *harness) recorded() []map[string]string {
	h.t.Helper()
	return h.query("SELECT * FROM audit_events ORDER BY id")
}

func TestEventsAreOneRowAndOneLine(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		b.call("POST", "/auth/login", members{"username": "alice", "password": "wrong"}, header("User-Agent", "curl/8.0")).want(401, "invalid_credentials")
		b.call("POST", "/auth/login", members{"username": "Nobody", "password": "wrong"}).want(401, "invalid_credentials")
		b.call("POST", "/auth/login", members{"username": "nobody", "password": "wrong"}).want(401, "invalid_credentials")
		b.login("alice")
		want := []string{
			"user_created success registered", "authn_login_success success ", "authn_login_fail failure invalid_credentials",
			"authn_login_fail failure invalid_credentials", "authn_login_fail failure invalid_credentials", "authn_login_successafterfail success ",
		}
		rows, lines := h.recorded(), h.logs.events(t)
		if len(rows) != len(want) || len(lines) != len(want) {
			t.Fatalf("%d rows, %d lines, want %d", len(rows), len(lines), len(want))
		}
		for i, row := range rows {
			if got := row["event"] + " " + row["outcome"] + " " + row["reason"]; got != want[i] {
				t.Errorf("event %d is %q, want %q", i, got, want[i])
			}
			for _, name := range []string{"event", "outcome", "reason", "operation", "ip", "user_agent", "request_id"} {
				if row[name] != lines[i][name] {
					t.Errorf("%s is %q in the row and %q in the line", name, row[name], lines[i][name])
				}
			}
			if row["ip"] != "127.0.0.1" || len(row["request_id"]) != 26 {
				t.Errorf("the row is %v", row)
			}
		}
		if rows[2]["user_agent"] != "curl/8.0" || rows[2]["user_id"] != rows[1]["user_id"] || rows[2]["user_hash"] != "<nil>" {
			t.Errorf("the wrong password is recorded as %v", rows[2])
		}
		if hash := rows[3]["user_hash"]; len(hash) != 12 || hash != rows[4]["user_hash"] || rows[3]["user_id"] != "<nil>" {
			t.Errorf("the unknown name is recorded as %v and %v", rows[3], rows[4])
		}
	})
}

// What was rolled back has not happened: it has neither a row nor a line.
func TestNothingIsRecordedOfWhatIsRolledBack(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		if h.DB.Kind == db.Postgres {
			h.exec("ALTER TABLE sessions ADD CONSTRAINT refused CHECK (false)")
		} else {
			h.exec("CREATE TRIGGER refused BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'refused'); END")
		}
		h.browser().call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}).want(500, "internal_error")
		if rows, lines := len(h.recorded()), len(h.logs.events(t)); rows != 1 || lines != 1 {
			t.Errorf("%d rows and %d lines, want those of the registration alone\n%s", rows, lines, h.logs)
		}
	})
}

// A refusal that cannot be written down is refused all the same, and the log has
// it as an error.
func TestRefusalsDoNotDependOnTheTrail(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.exec("DROP TABLE audit_events")
		h.browser().call("POST", "/auth/login", members{"username": "alice", "password": "wrong"}).want(401, "invalid_credentials")
		lines := h.logs.events(t)
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["event"] != "authn_login_fail" || fmt.Sprint(lines[0]["not_stored"]) == "" {
			t.Errorf("the log has %v", lines)
		}
		if n := h.Audit.Lost.Load(); n != 1 {
			t.Errorf("%d events are counted as lost", n)
		}
	})
}
