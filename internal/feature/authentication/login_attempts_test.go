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

// manyLogins raises the limits per client address, so that only the limits per account
// apply.
var manyLogins = apptest.WithLimits("login: 100000 per minute", "default: 100000 per minute", "register: 1000 per minute")

const home, away = "192.0.2.10", "203.0.113.10"

// X14: every spelling of an account counts for the same account.
func TestLogin_SpellingsOfOneAccountShareFailures(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("bob")
		b := h.Browser()
		for _, name := range []string{"bob", "BOB", "bob@example.com", "BOB@Example.com", "Bob"} {
			b.Call("POST", "/auth/login", apptest.WrongLogin(name)).Want(401, "invalid_credentials")
		}
		hashes := h.Passwords().Hashes()
		for _, name := range []string{"bob", "BOB", "bob@example.com", "BOB@example.com"} {
			if wait := b.Call("POST", "/auth/login", apptest.WrongLogin(name)).Want(429, "rate_limited").Header.Get("Retry-After"); wait != "1" {
				t.Errorf("%s: Retry-After is %s, want 1", name, wait)
			}
		}
		if n := h.Passwords().Hashes() - hashes; n != 0 {
			t.Errorf("got %d hashes for refused attempts, want 0", n)
		}
	}, manyLogins)
}

// The delay doubles up to a minute. It is the same for an account and for an unknown
// username, including the headers, so that it does not reveal which usernames exist.
func TestLogin_DelaysUnknownUserLikeKnownUser(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("bob")
		b := h.Browser()
		tryBoth := func() (a *apptest.Answer) {
			t.Helper()
			a = b.Call("POST", "/auth/login", apptest.WrongLogin("bob"))
			if unknown := b.Call("POST", "/auth/login", apptest.WrongLogin("nobody")); unknown.Status != a.Status || unknown.Header.Get("Retry-After") != a.Header.Get("Retry-After") || len(unknown.Body) != len(a.Body) {
				t.Errorf("bob: %d, Retry-After %q; unknown user: %d, Retry-After %q", a.Status, a.Header.Get("Retry-After"), unknown.Status, unknown.Header.Get("Retry-After"))
			}
			return a
		}
		for range 5 {
			tryBoth().Want(401, "invalid_credentials")
		}
		for _, wait := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			if got := tryBoth().Want(429, "rate_limited").Header.Get("Retry-After"); got != fmt.Sprint(wait) {
				t.Errorf("Retry-After is %s, want %d", got, wait)
			}
			h.Clock.Advance(time.Duration(wait) * time.Second)
			tryBoth().Want(401, "invalid_credentials")
		}
		for event, want := range apptest.InOrder(map[string]int{"authn_login_fail_max": 2, "authn_login_lock": 2}) {
			if n := h.Count("SELECT count(*) FROM audit_events WHERE event = '" + event + "'"); n != want {
				t.Errorf("got %d events %s, want %d", n, event, want)
			}
		}
		h.Clock.Advance(2 * time.Hour)
		for range 5 {
			tryBoth().Want(401, "invalid_credentials")
		}
	}, manyLogins)
}

// X16: guesses from other networks do not lock the owner out.
func TestLogin_GuessesFromElsewhereDoNotLockOwnerOut(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		owner := h.Browser()
		right := apptest.Members{"username": "alice", "password": apptest.GoodPassword}
		owner.Call("POST", "/auth/login", right, apptest.ForwardedFor(home)).Want(200, "")
		attacker := h.Browser()
		for i := range 1000 {
			attacker.Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor(fmt.Sprintf("198.51.%d.%d", i/250, i%250+1)))
		}
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(away)).Want(429, "rate_limited")
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(home)).Want(200, "")
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(away)).Want(429, "rate_limited")
		owner.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}, apptest.ForwardedFor(away)).Want(200, "")
		// A reset works from any network, and so does the login after it.
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": h.MailedToken(mail.ResetPassword, "alice@example.com"), "password": "N3w-Tr4vel-light"}, apptest.ForwardedFor(away)).Want(200, "")
		right["password"] = "N3w-Tr4vel-light"
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor(away)).Want(200, "")
		// From other networks, the delay is at most a minute.
		h.Clock.Advance(time.Minute)
		h.Browser().Call("POST", "/auth/login", right, apptest.ForwardedFor("203.0.113.99")).Want(200, "")
	}, manyLogins, apptest.TrustLoopback)
}

// ASVS 5.0.0-6.3.5: a login after five failures sends the owner one mail, in the language
// of the account. Other logins send none, and an hour has at most three such mails.
func TestLogin_NotifiesOwnerAfterFiveFailures(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword},
			apptest.Header("Accept-Language", "de")).Want(201, "")
		notices := func() (list []mail.Previewed) {
			for _, m := range h.Mails() {
				if m.Kind == mail.LoginAfterFailures {
					list = append(list, m)
				}
			}
			return list
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
		if got := notices(); len(got) != 0 {
			t.Errorf("got %d mails after four failures, want 0", len(got))
		}
		login(5)
		login(0)
		got := notices()
		if len(got) != 1 || got[0].To != "alice@example.com" || got[0].Subject != "Anmeldung nach mehreren falschen Passwörtern" || !strings.Contains(got[0].Text, "IP-Adresse: "+away) {
			t.Fatalf("got %+v, want one mail", got)
		}
		for range 4 {
			login(5)
		}
		if got := notices(); len(got) != 3 {
			t.Errorf("got %d mails in an hour, want 3", len(got))
		}
	}, manyLogins, apptest.TrustLoopback)
}

// X15: every operation that checks the password counts for the account. A success resets
// the count.
func TestAttempts_EveryPasswordCheckSharesFailures(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		const wrong = "Wrong-passw0rd"
		checks := []func() *apptest.Answer{
			func() *apptest.Answer {
				return b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": wrong})
			},
			func() *apptest.Answer {
				return b.Call("PUT", "/auth/change_password", apptest.Members{"current_password": wrong, "new_password": "An0ther-light"})
			},
			func() *apptest.Answer { return b.Call("DELETE", "/auth/account", apptest.Members{"password": wrong}) },
			func() *apptest.Answer {
				return b.Call("PUT", "/auth/update_profile", apptest.Members{"username": "alicia", "current_password": wrong})
			},
			func() *apptest.Answer { return h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")) },
		}
		for range 2 {
			for _, check := range checks {
				if a := check(); a.Status != 401 {
					t.Errorf("%s: got %d, want 401", a.What, a.Status)
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

// Of concurrent guesses at one account, from any network and on any instance, the server
// compares five.
func TestLogin_ConcurrentGuessesAreLimitedToFive(t *testing.T) {
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
			t.Errorf("got %d hashes, want 5", n)
		}
	}, manyLogins, apptest.TrustLoopback)
}

// The clocks of two instances differ a little, and so do the times of two requests that
// wait for one row. The difference neither refuses a login nor loses a failure.
func TestLogin_ToleratesClocksOfInstancesThatDiffer(t *testing.T) {
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

// R18, for the delay: a clock that jumps does not extend it.
func TestLogin_ClockJumpDoesNotExtendDelay(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, jump := range []time.Duration{-time.Hour, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
			for range 5 {
				h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
			}
			h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
			h.Clock.Advance(jump)
		}
		if text := h.Dump(); strings.Contains(text, "127.0.0.1/") {
			t.Errorf("the database contains a client address:\n%s", text)
		}
	}, manyLogins)
}

// The deletion of an account deletes the networks that its owner logged in from.
func TestDeleteAccount_DeletesLoginAttempts(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		if n := h.Count("SELECT count(*) FROM login_attempts"); n != 1 {
			t.Fatalf("got %d rows after a login, want 1", n)
		}
		b.Call("DELETE", "/auth/account", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		if n := h.Count("SELECT count(*) FROM login_attempts"); n != 0 {
			t.Errorf("got %d rows after the deletion, want 0", n)
		}
	}, manyLogins)
}
