package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/config"
)

// recorded are the rows of the trail, oldest first.
func (h *harness) recorded() []map[string]string {
	h.t.Helper()
	return h.query("SELECT * FROM audit_events ORDER BY id")
}

// Each event of each stimulus is exactly one row and one line.
func TestWhatPeopleDoIsInTheTrail(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		open := h.Accounts.Registration
		for i, test := range stimuli {
			h.clock.advance(time.Minute) // a flood's worth
			h.Accounts.Registration = open
			h.setLimits(nil, nil)
			h.exec("DELETE FROM sessions") // those of the scenes before
			s := &scene{harness: h.in(t), name: fmt.Sprintf("person%d", i), own: h.browser(), stranger: h.browser()}
			s.own.register(s.name)
			s.cookie = s.own.login(s.name).cookie()
			s.id = fmt.Sprint(h.count("SELECT id FROM users WHERE username = $1", s.name))
			h.mails()
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
	})
}

func TestALimitThatIsReachedIsInTheTrail(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for range 3 {
			h.browser().call("POST", "/auth/login", members{"username": "nobody", "password": "wrong"})
		}
		var got []string
		for _, row := range h.recorded() {
			got = append(got, row["event"]+" "+row["reason"])
		}
		want := []string{"authn_login_fail invalid_credentials", "excess_rate_limit_exceeded 1_per_minute"}
		if lines := h.logs.events(t); !slices.Equal(got, want) || len(lines) != len(want) {
			t.Errorf("the trail has %v, the log %d lines, want %v", got, len(lines), want)
		}
	}, func(c *config.Config) { c.RateLimits = "login: 1 per minute" })
}
