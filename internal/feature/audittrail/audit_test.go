package audittrail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/config"
)

// Each event of each stimulus is exactly one row and one line.
func TestWhatPeopleDoIsInTheTrail(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		open := h.Accounts.Registration
		for i, test := range stimuli {
			h.Clock.Advance(time.Minute) // a flood's worth
			h.Accounts.Registration = open
			h.SetLimits(nil, nil)
			h.Exec("DELETE FROM sessions") // those of the scenes before
			s := &scene{Harness: h.In(t), name: fmt.Sprintf("person%d", i), own: h.Browser(), stranger: h.Browser()}
			s.own.Register(s.name)
			s.cookie = s.own.Login(s.name).Cookie()
			s.id = fmt.Sprint(h.Count("SELECT id FROM users WHERE username = $1", s.name))
			h.Mails()
			s.begin()
			test.do(s)
			if got := s.happened(); !slices.Equal(got, test.want) {
				t.Errorf("%s is recorded as\n\t%s\nwant\n\t%s", test.name, strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
		}
	})
}

// An event that nothing causes is a promise that is not kept.
func TestEveryEventHasItsStimulus(t *testing.T) {
	caused := map[audit.Event]bool{}
	for _, test := range stimuli {
		for _, want := range test.want {
			event, _, _ := strings.Cut(want, " ")
			if caused[audit.Event(event)] = true; !slices.Contains(audit.Events, audit.Event(event)) {
				t.Errorf("%s is none of the events", event)
			}
		}
	}
	for _, event := range audit.Events {
		if _, other := elsewhere[event]; caused[event] == other {
			t.Errorf("%s: caused here: %v, elsewhere: %v", event, caused[event], other)
		}
	}
}

// What was rolled back has not happened: it has neither a row nor a line.
func TestNothingIsRecordedOfWhatIsRolledBack(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		if h.DB.Kind == db.Postgres {
			h.Exec("ALTER TABLE sessions ADD CONSTRAINT refused CHECK (false)")
		} else {
			h.Exec("CREATE TRIGGER refused BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'refused'); END")
		}
		h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(500, "internal_error")
		if rows, lines := len(h.Recorded()), len(h.Logs.Events(t)); rows != 1 || lines != 1 {
			t.Errorf("%d rows and %d lines, want those of the registration alone\n%s", rows, lines, h.Logs)
		}
	})
}

// A refusal that cannot be written down is refused all the same, and the log has
// it as an error.
func TestRefusalsDoNotDependOnTheTrail(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Exec("DROP TABLE audit_events")
		h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}).Want(401, "invalid_credentials")
		lines := h.Logs.Events(t)
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["event"] != "authn_login_fail" || fmt.Sprint(lines[0]["not_stored"]) == "" {
			t.Errorf("the log has %v", lines)
		}
	})
}

func TestALimitThatIsReachedIsInTheTrail(t *testing.T) {
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
			t.Errorf("the trail has %v, the log %d lines, want %v", got, len(lines), want)
		}
	}, func(c *config.Config) { c.RateLimits = "login: 1 per minute" })
}
