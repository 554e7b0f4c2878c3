package authentication_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// manyLogins leaves the limits per address out of the way of what is tested here.
var manyLogins = apptest.WithLimits("login: 100000 per minute", "default: 100000 per minute", "register: 1000 per minute")

const home, away = "192.0.2.10", "203.0.113.10"

// X14: one account has one count, however it is spelled.
func TestSpellingsOfAnAccountShareItsFailures(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("bob")
		b := h.Browser()
		for _, name := range []string{"bob", "BOB", "bob@example.com", "BOB@Example.com", "Bob"} {
			b.Call("POST", "/auth/login", apptest.WrongLogin(name)).Want(401, "invalid_credentials")
		}
		hashes := h.Passwords().Hashes()
		for _, name := range []string{"bob", "BOB", "bob@example.com", "BOB@example.com"} {
			if wait := b.Call("POST", "/auth/login", apptest.WrongLogin(name)).Want(429, "rate_limited").Header.Get("Retry-After"); wait != "1" {
				t.Errorf("%s waits %s", name, wait)
			}
		}
		if n := h.Passwords().Hashes() - hashes; n != 0 {
			t.Errorf("%d hashes for refused attempts", n)
		}
	}, manyLogins)
}

// The wait doubles up to a minute, for an account and for a name that nobody has
// alike, down to the headers.
func TestFailuresAreDelayedTheSameForNamesThatNobodyHas(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("bob")
		b := h.Browser()
		both := func() (a *apptest.Answer) {
			t.Helper()
			a = b.Call("POST", "/auth/login", apptest.WrongLogin("bob"))
			if other := b.Call("POST", "/auth/login", apptest.WrongLogin("nobody")); other.Status != a.Status || other.Header.Get("Retry-After") != a.Header.Get("Retry-After") || len(other.Body) != len(a.Body) {
				t.Errorf("bob: %d %s, nobody: %d %s", a.Status, a.Header.Get("Retry-After"), other.Status, other.Header.Get("Retry-After"))
			}
			return a
		}
		for range 5 {
			both().Want(401, "invalid_credentials")
		}
		for _, wait := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			if got := both().Want(429, "rate_limited").Header.Get("Retry-After"); got != fmt.Sprint(wait) {
				t.Errorf("waits %s, want %d", got, wait)
			}
			h.Clock.Advance(time.Duration(wait) * time.Second)
			both().Want(401, "invalid_credentials")
		}
		for event, want := range apptest.InOrder(map[string]int{"authn_login_fail_max": 2, "authn_login_lock": 2}) {
			if n := h.Count("SELECT count(*) FROM audit_events WHERE event = '" + event + "'"); n != want {
				t.Errorf("%s: %d, want %d", event, n, want)
			}
		}
		h.Clock.Advance(2 * time.Hour)
		for range 5 {
			both().Want(401, "invalid_credentials")
		}
	}, manyLogins)
}

// X16: whoever guesses at an account from elsewhere cannot keep its owner out.
func TestStrangersCannotLockTheOwnerOut(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		owner := h.Browser()
		right := apptest.Members{"username": "alice", "password": apptest.GoodPassword}
		owner.Call("POST", "/auth/login", right, apptest.ForwardedFor(home)).Want(200, "")
		stranger := h.Browser()
		for i := range 1000 {
			stranger.Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor(fmt.Sprintf("198.51.%d.%d", i/250, i%250+1)))
		}
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(away)).Want(429, "rate_limited")
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(home)).Want(200, "")
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(away)).Want(429, "rate_limited")
		owner.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}, apptest.ForwardedFor(away)).Want(200, "")
		// The reset works from anywhere, and so does the login after it.
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": h.MailedToken(mail.ResetPassword, "alice@example.com"), "password": "N3w-Tr4vel-light"}, apptest.ForwardedFor(away)).Want(200, "")
		right["password"] = "N3w-Tr4vel-light"
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(away)).Want(200, "")
		// Elsewhere still, the longest wait is a minute.
		h.Clock.Advance(time.Minute)
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor("203.0.113.99")).Want(200, "")
	}, manyLogins, apptest.TrustLoopback)
}

// 6.3.5: the owner is told of a login that follows five failures, once, in their
// language, and of no other; three times an hour at most.
func TestOwnersAreToldOfLoginsAfterFailures(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword},
			apptest.Header("Accept-Language", "de")).Want(201, "")
		notices := func() (told []mail.Previewed) {
			for _, m := range h.Mails() {
				if m.Kind == mail.LoginAfterFailures {
					told = append(told, m)
				}
			}
			return told
		}
		login := func(failures int) {
			t.Helper()
			for range failures {
				h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor(away)).Want(401, "invalid_credentials")
			}
			h.Clock.Advance(time.Second)
			h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice@example.com", "password": apptest.GoodPassword}, apptest.ForwardedFor(away)).Want(200, "")
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
	}, manyLogins, apptest.TrustLoopback)
}

// X15: every check of the password counts for the account, and a success from
// there ends the count.
func TestEveryPasswordCheckSharesTheFailures(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		const no = "Wrong-passw0rd"
		checks := []func() *apptest.Answer{
			func() *apptest.Answer { return b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": no}) },
			func() *apptest.Answer {
				return b.Call("PUT", "/auth/change_password", apptest.Members{"current_password": no, "new_password": "An0ther-light"})
			},
			func() *apptest.Answer { return b.Call("DELETE", "/auth/account", apptest.Members{"password": no}) },
			func() *apptest.Answer {
				return b.Call("PUT", "/auth/update_profile", apptest.Members{"username": "alicia", "current_password": no})
			},
			func() *apptest.Answer { return h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")) },
		}
		for range 2 {
			for _, check := range checks {
				if a := check(); a.Status != 401 {
					t.Errorf("%s: %d", a.What, a.Status)
				}
			}
			for _, check := range checks {
				check().Want(429, "rate_limited")
			}
			h.Clock.Advance(time.Second)
			b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		}
	}, manyLogins)
}

// Of guesses at one account that come at once, from anywhere and through any
// instance, five are compared.
func TestGuessesAtOnceAreNoMoreThanMayFail(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		instances := []*apptest.Harness{h, h.StartAnother(manyLogins, apptest.TrustLoopback)}
		instances[0].Browser().Register("alice")
		before := instances[0].Passwords().Hashes()
		var wait sync.WaitGroup
		for i := range 100 {
			b := instances[i%2].Browser()
			wait.Go(func() {
				b.Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i)))
			})
		}
		wait.Wait()
		if n := instances[0].Passwords().Hashes() + instances[1].Passwords().Hashes() - before; n != 5 {
			t.Errorf("%d hashes, want 5", n)
		}
	}, manyLogins, apptest.TrustLoopback)
}

// The clocks of two instances differ a little, and so do those of two requests that
// wait for one row: nobody is refused for that, and no failure forgotten.
func TestAttemptsBearClocksThatDiffer(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		for i := range 5 {
			h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
			if i == 1 {
				h.Clock.Advance(-5 * time.Millisecond)
			}
		}
		h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
		h.Clock.Advance(time.Second)
		h.Browser().Login("alice")
		h.Clock.Advance(-5 * time.Millisecond)
		h.Browser().Login("alice")
	}, manyLogins)
}

// R18, for the wait: a clock that jumps makes nobody wait for longer.
func TestDelaysBearAClockThatJumps(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, jump := range []time.Duration{-time.Hour, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
			for range 5 {
				h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
			}
			h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
			h.Clock.Advance(jump)
		}
		if text := h.Dump(); strings.Contains(text, "127.0.0.1/") {
			t.Errorf("an address is kept:\n%s", text)
		}
	}, manyLogins)
}

// What is known of an account's networks goes with it.
func TestDeletionForgetsTheNetworks(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		if n := h.Count("SELECT count(*) FROM login_attempts"); n != 1 {
			t.Fatalf("%d rows after a login, want 1", n)
		}
		b.Call("DELETE", "/auth/account", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		if n := h.Count("SELECT count(*) FROM login_attempts"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	}, manyLogins)
}
