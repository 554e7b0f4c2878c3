package app_test

import (
	"slices"
	"testing"
	"time"
)

const week = 7 * 24 * time.Hour

// Somebody registers with an address, and whatever is asked about it afterwards,
// the answers are the same whether it was free or had an account.
func TestNothingAskedAfterARegistrationTellsWhoHasAnAccount(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("owner.a")
		mallory := h.browser()
		mallory.register("mallory")
		h.confirmEverybody()
		mallory.login("mallory")
		h.browser().register("owner.b") // has not confirmed yet

		b := h.browser()
		questions := func(name, address string) (answers []string) {
			ask := func(method, path string, body members) {
				answers = append(answers, withoutID(b.call(method, path, body)))
			}
			ask("POST", "/auth/login", members{"username": name, "password": newPassword})
			ask("POST", "/auth/login", members{"username": name, "password": "Wr0ng-passphrase"})
			ask("POST", "/auth/login", members{"username": address, "password": newPassword})
			ask("POST", "/auth/login", members{"username": address, "password": "Wr0ng-passphrase"})
			ask("POST", "/auth/resend_verification", members{"email": address})
			ask("POST", "/auth/request_reset", members{"email": address})
			ask("POST", "/auth/register", members{"username": name, "email": "another@example.com", "password": goodPassword})
			ask("POST", "/auth/register", members{"username": name, "email": address, "password": goodPassword})
			return append(answers, withoutID(mallory.updateProfile(members{"username": name})))
		}
		subjects := map[string]string{"probe.a": "free@example.com", "probe.b": "owner.a@example.com", "probe.c": "owner.b@example.com"}
		same := func(when string) (seen []string) {
			for _, name := range []string{"probe.a", "probe.b", "probe.c"} {
				answers := questions(name, subjects[name])
				if seen == nil {
					seen = answers
				}
				if !slices.Equal(answers, seen) {
					t.Errorf("%s: of %s\n%q\nof a free address\n%q", when, subjects[name], answers, seen)
				}
			}
			return seen
		}
		for name, address := range inOrder(subjects) {
			b.call("POST", "/auth/register", members{"username": name, "email": address, "password": newPassword}).want(201, "")
		}
		b.call("POST", "/auth/login", members{"username": "probe.b", "password": newPassword}).want(403, "email_unverified")
		b.call("POST", "/auth/login", members{"username": "owner.b@example.com", "password": goodPassword}).want(401, "invalid_credentials")
		first := same("at once")
		mallory.call("POST", "/auth/logout", nil)
		h.clock.advance(week - time.Second)
		mallory.login("mallory")
		if later := same("a moment before the end"); !slices.Equal(later, first) {
			t.Errorf("%q", later)
		}
		h.clock.advance(time.Second)
		for name := range inOrder(subjects) {
			b.call("POST", "/auth/login", members{"username": name, "password": newPassword}).want(401, "invalid_credentials")
		}
		for name, address := range inOrder(subjects) {
			b.call("POST", "/auth/register", members{"username": name, "email": address, "password": newPassword}).want(201, "")
		}
	}, registration("verified"))
}

// What goes by itself is what nobody has confirmed where that is needed, and
// nothing else.
func TestUnconfirmedAccountsGoAfterAWeek(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("open")
		h.Accounts.Registration = "verified"
		for _, name := range []string{"gone", "confirmed", "used", "promoted"} {
			h.browser().register(name)
		}
		h.browser().call("POST", "/auth/register", members{"username": "reserved", "email": "open@example.com", "password": goodPassword}).want(201, "")
		h.exec("UPDATE users SET email_verified_at = created_at WHERE username = 'confirmed'")
		h.exec("UPDATE users SET role = 'moderator' WHERE username = 'promoted'")
		h.Accounts.Registration = "open"
		h.browser().login("used")
		sweep := func() {
			now := h.clock.Now()
			if _, err := h.DB.UsersDeleteUnconfirmed(t.Context(), &now); err != nil {
				t.Error(err)
			}
			if _, err := h.DB.ReservationsDeleteExpired(t.Context(), now); err != nil {
				t.Error(err)
			}
		}
		sweep()
		if n := h.count("SELECT count(*) FROM users") + h.count("SELECT count(*) FROM reservations"); n != 6 {
			t.Errorf("%d of 6 before their time", n)
		}
		h.clock.advance(week)
		sweep()
		var left []string
		for _, row := range h.query("SELECT username FROM users ORDER BY username") {
			left = append(left, row["username"])
		}
		if !slices.Equal(left, []string{"confirmed", "open", "promoted", "used"}) || h.count("SELECT count(*) FROM reservations") != 0 {
			t.Errorf("left are %v", left)
		}
	})
}
