package app_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/ratelimit"
)

// manyLogins leaves the limits per address out of the way of what is tested here.
var manyLogins = limiting("login: 100000 per minute", "default: 100000 per minute", "register: 1000 per minute")

// countAttempts counts failures although the server was started without limits.
func (h *harness) countAttempts() {
	h.setLimits(&ratelimit.Limiter{Store: h.DB, Now: h.clock.Now, Signer: h.Signer}, &ratelimit.Attempts{DB: h.DB, Now: h.clock.Now, Signer: h.Signer})
}

const home, away = "192.0.2.10", "203.0.113.10"

// X14: one account has one count, however it is spelled.
func TestSpellingsOfAnAccountShareItsFailures(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("bob")
		b := h.browser()
		for _, name := range []string{"bob", "BOB", "bob@example.com", "BOB@Example.com", "Bob"} {
			b.call("POST", "/auth/login", wrong(name)).want(401, "invalid_credentials")
		}
		hashes := h.passwords().Hashes()
		for _, name := range []string{"bob", "BOB", "bob@example.com", "BOB@example.com"} {
			if wait := b.call("POST", "/auth/login", wrong(name)).want(429, "rate_limited").header.Get("Retry-After"); wait != "1" {
				t.Errorf("%s waits %s", name, wait)
			}
		}
		if n := h.passwords().Hashes() - hashes; n != 0 {
			t.Errorf("%d hashes for refused attempts", n)
		}
	}, manyLogins)
}

// The wait doubles up to a minute, for an account and for a name that nobody has
// alike, down to the headers.
func TestFailuresAreDelayedTheSameForNamesThatNobodyHas(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("bob")
		b := h.browser()
		both := func() (a *answer) {
			t.Helper()
			a = b.call("POST", "/auth/login", wrong("bob"))
			if other := b.call("POST", "/auth/login", wrong("nobody")); other.status != a.status || other.header.Get("Retry-After") != a.header.Get("Retry-After") || len(other.body) != len(a.body) {
				t.Errorf("bob: %d %s, nobody: %d %s", a.status, a.header.Get("Retry-After"), other.status, other.header.Get("Retry-After"))
			}
			return a
		}
		for range 5 {
			both().want(401, "invalid_credentials")
		}
		for _, wait := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			if got := both().want(429, "rate_limited").header.Get("Retry-After"); got != fmt.Sprint(wait) {
				t.Errorf("waits %s, want %d", got, wait)
			}
			h.clock.advance(time.Duration(wait) * time.Second)
			both().want(401, "invalid_credentials")
		}
		for event, want := range inOrder(map[string]int{"authn_login_fail_max": 2, "authn_login_lock": 2}) {
			if n := h.count("SELECT count(*) FROM audit_events WHERE event = '" + event + "'"); n != want {
				t.Errorf("%s: %d, want %d", event, n, want)
			}
		}
		h.clock.advance(2 * time.Hour)
		for range 5 {
			both().want(401, "invalid_credentials")
		}
	}, manyLogins)
}

// X16: whoever guesses at an account from elsewhere cannot keep its owner out.
func TestStrangersCannotLockTheOwnerOut(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		owner := h.browser()
		right := members{"username": "alice", "password": goodPassword}
		owner.call("POST", "/auth/login", right, forwarded(home)).want(200, "")
		stranger := h.browser()
		for i := range 1000 {
			stranger.call("POST", "/auth/login", wrong("alice"), forwarded(fmt.Sprintf("198.51.%d.%d", i/250, i%250+1)))
		}
		h.browser().call("POST", "/auth/login", right, forwarded(away)).want(429, "rate_limited")
		h.browser().call("POST", "/auth/login", right, forwarded(home)).want(200, "")
		h.browser().call("POST", "/auth/login", right, forwarded(away)).want(429, "rate_limited")
		owner.call("POST", "/auth/reauthenticate", members{"password": goodPassword}, forwarded(away)).want(200, "")
		// The reset works from anywhere, and so does the login after it.
		h.browser().call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "")
		h.browser().call("POST", "/auth/reset_password", members{"token": h.mailedToken(mail.ResetPassword, "alice@example.com"), "password": "N3w-Tr4vel-light"}, forwarded(away)).want(200, "")
		right["password"] = "N3w-Tr4vel-light"
		h.browser().call("POST", "/auth/login", right, forwarded(away)).want(200, "")
		// Elsewhere still, the longest wait is a minute.
		h.clock.advance(time.Minute)
		h.browser().call("POST", "/auth/login", right, forwarded("203.0.113.99")).want(200, "")
	}, manyLogins, trustingLoopback)
}

// 6.3.5: the owner is told of a login that follows five failures, once, in their
// language, and of no other; three times an hour at most.
func TestOwnersAreToldOfLoginsAfterFailures(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": goodPassword},
			header("Accept-Language", "de")).want(201, "")
		notices := func() (told []mail.Previewed) {
			for _, m := range h.mails() {
				if m.Kind == mail.LoginAfterFailures {
					told = append(told, m)
				}
			}
			return told
		}
		login := func(failures int) {
			t.Helper()
			for range failures {
				h.browser().call("POST", "/auth/login", wrong("alice"), forwarded(away)).want(401, "invalid_credentials")
			}
			h.clock.advance(time.Second)
			h.browser().call("POST", "/auth/login", members{"username": "alice@example.com", "password": goodPassword}, forwarded(away)).want(200, "")
		}
		login(4)
		if told := notices(); len(told) != 0 {
			t.Errorf("%d mails after four failures", len(told))
		}
		login(5)
		login(0)
		told := notices()
		if len(told) != 1 || told[0].To != "alice@example.com" || told[0].Subject != "Anmeldung nach mehreren falschen Passwörtern" || !strings.Contains(told[0].Text, "IP-Adresse: "+away) {
			t.Fatalf("got %+v, want one mail", told)
		}
		for range 4 {
			login(5)
		}
		if told := notices(); len(told) != 3 {
			t.Errorf("%d mails in an hour, want 3", len(told))
		}
	}, manyLogins, trustingLoopback)
}

// X15: every check of the password counts for the account, and a success from
// there ends the count.
func TestEveryPasswordCheckSharesTheFailures(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		const no = "Wrong-passw0rd"
		checks := []func() *answer{
			func() *answer { return b.call("POST", "/auth/reauthenticate", members{"password": no}) },
			func() *answer {
				return b.call("PUT", "/auth/change_password", members{"current_password": no, "new_password": "An0ther-light"})
			},
			func() *answer { return b.call("DELETE", "/auth/account", members{"password": no}) },
			func() *answer {
				return b.call("PUT", "/auth/update_profile", members{"username": "alicia", "current_password": no})
			},
			func() *answer { return h.browser().call("POST", "/auth/login", wrong("alice")) },
		}
		for range 2 {
			for _, check := range checks {
				if a := check(); a.status != 401 {
					t.Errorf("%s: %d", a.what, a.status)
				}
			}
			for _, check := range checks {
				check().want(429, "rate_limited")
			}
			h.clock.advance(time.Second)
			b.call("POST", "/auth/reauthenticate", members{"password": goodPassword}).want(200, "")
		}
	}, manyLogins)
}

// Of guesses at one account that come at once, from anywhere and through any
// instance, five are compared.
func TestGuessesAtOnceAreNoMoreThanMayFail(t *testing.T) {
	eachByChance(t, func(t *testing.T, h *harness) {
		instances := []*harness{h, h.another(manyLogins, trustingLoopback)}
		instances[0].browser().register("alice")
		before := instances[0].passwords().Hashes()
		var wait sync.WaitGroup
		for i := range 100 {
			b := instances[i%2].browser()
			wait.Go(func() { b.call("POST", "/auth/login", wrong("alice"), forwarded(fmt.Sprintf("198.51.100.%d", i))) })
		}
		wait.Wait()
		if n := instances[0].passwords().Hashes() + instances[1].passwords().Hashes() - before; n != 5 {
			t.Errorf("%d hashes, want 5", n)
		}
	}, manyLogins, trustingLoopback)
}

// The clocks of two instances differ a little, and so do those of two requests that
// wait for one row: nobody is refused for that, and no failure forgotten.
func TestAttemptsBearClocksThatDiffer(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		for i := range 5 {
			h.browser().call("POST", "/auth/login", wrong("alice")).want(401, "invalid_credentials")
			if i == 1 {
				h.clock.advance(-5 * time.Millisecond)
			}
		}
		h.browser().call("POST", "/auth/login", wrong("alice")).want(429, "rate_limited")
		h.clock.advance(time.Second)
		h.browser().login("alice")
		h.clock.advance(-5 * time.Millisecond)
		h.browser().login("alice")
	}, manyLogins)
}

// R18, for the wait: a clock that jumps makes nobody wait for longer.
func TestDelaysBearAClockThatJumps(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for _, jump := range []time.Duration{-time.Hour, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
			for range 5 {
				h.browser().call("POST", "/auth/login", wrong("alice")).want(401, "invalid_credentials")
			}
			h.browser().call("POST", "/auth/login", wrong("alice")).want(429, "rate_limited")
			h.clock.advance(jump)
		}
		if text := h.dump(); strings.Contains(text, "127.0.0.1/") {
			t.Errorf("an address is kept:\n%s", text)
		}
	}, manyLogins)
}

// What is known of an account's networks goes with it.
func TestDeletionForgetsTheNetworks(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		if n := h.count("SELECT count(*) FROM login_attempts"); n != 1 {
			t.Fatalf("%d rows after a login, want 1", n)
		}
		b.call("DELETE", "/auth/account", members{"password": goodPassword}).want(200, "")
		if n := h.count("SELECT count(*) FROM login_attempts"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	}, manyLogins)
}
