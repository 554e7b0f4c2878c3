package audittrail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

// Each event of each scenario is recorded as exactly one row and one line of the log.
func TestAudit_RecordsEveryScenario(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		mode := h.Accounts.Registration
		for i, test := range scenarios {
			h.Clock.Advance(time.Minute) // so that no repeats are suppressed
			h.Accounts.Registration = mode
			h.SetLimits(nil, nil)
			h.Exec("DELETE FROM sessions") // of earlier scenarios
			s := &actors{Harness: h.In(t), name: fmt.Sprintf("user%d", i), user: h.Browser(), client: h.Browser()}
			s.user.Register(s.name)
			s.cookie = s.user.Login(s.name).Cookie()
			s.id = fmt.Sprint(h.Count("SELECT id FROM users WHERE username = $1", s.name))
			h.Mails()
			s.skip()
			test.do(s)
			if got := s.recorded(); !slices.Equal(got, test.want) {
				t.Errorf("%s: got\n\t%s\nwant\n\t%s", test.name, strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
		}
	})
}

// An event of a transaction that is rolled back has neither a row nor a line.
func TestAudit_RollbackRecordsNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		if h.DB.Kind == db.Postgres {
			h.Exec("ALTER TABLE sessions ADD CONSTRAINT refused CHECK (false)")
		} else {
			h.Exec("CREATE TRIGGER refused BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'refused'); END")
		}
		h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(500, "internal_error")
		if rows, lines := len(h.Recorded()), len(h.Logs.Events(t)); rows != 1 || lines != 1 {
			t.Errorf("got %d rows and %d lines, want one each for the registration\n%s", rows, lines, h.Logs)
		}
	})
}

// If the event of a rejected request cannot be stored, the response is the same and the log
// has the event as an error.
func TestAudit_FailureToStoreKeepsResponse(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Exec("DROP TABLE audit_events")
		h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}).Want(401, "invalid_credentials")
		lines := h.Logs.Events(t)
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["event"] != "authn_login_fail" || fmt.Sprint(lines[0]["not_stored"]) == "" {
			t.Errorf("got %v, want one error for authn_login_fail with not_stored", lines)
		}
	})
}

func TestAudit_RecordsExceededRateLimit(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for range 3 {
			h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "nobody", "password": "wrong"})
		}
		var got []string
		for _, row := range h.Recorded() {
			got = append(got, row["event"]+" "+row["reason"])
		}
		want := []string{"authn_login_fail invalid_credentials", "excess_rate_limit_exceeded 1_per_minute"}
		if lines := h.Logs.Events(t); !slices.Equal(got, want) || len(lines) != len(want) {
			t.Errorf("got %v and %d lines, want %v", got, len(lines), want)
		}
	}, func(c *config.Config) { c.RateLimits = "login: 1 per minute" })
}
