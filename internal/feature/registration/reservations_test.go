package registration_test

import (
	"slices"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
)

const week = 7 * 24 * time.Hour

// Somebody registers with an address, and whatever is asked about it afterwards,
// the answers are the same whether it was free or had an account.
func TestNothingAskedAfterARegistrationTellsWhoHasAnAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("owner.a")
		mallory := h.Browser()
		mallory.Register("mallory")
		h.ConfirmAll()
		mallory.Login("mallory")
		h.Browser().Register("owner.b") // has not confirmed yet

		b := h.Browser()
		questions := func(name, address string) (answers []string) {
			ask := func(method, path string, body apptest.Members) {
				answers = append(answers, apptest.WithoutID(b.Call(method, path, body)))
			}
			ask("POST", "/auth/login", apptest.Members{"username": name, "password": apptest.NewPassword})
			ask("POST", "/auth/login", apptest.Members{"username": name, "password": "Wr0ng-passphrase"})
			ask("POST", "/auth/login", apptest.Members{"username": address, "password": apptest.NewPassword})
			ask("POST", "/auth/login", apptest.Members{"username": address, "password": "Wr0ng-passphrase"})
			ask("POST", "/auth/resend_verification", apptest.Members{"email": address})
			ask("POST", "/auth/request_reset", apptest.Members{"email": address})
			ask("POST", "/auth/register", apptest.Members{"username": name, "email": "another@example.com", "password": apptest.GoodPassword})
			ask("POST", "/auth/register", apptest.Members{"username": name, "email": address, "password": apptest.GoodPassword})
			return append(answers, apptest.WithoutID(mallory.UpdateProfile(apptest.Members{"username": name})))
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
		for name, address := range apptest.InOrder(subjects) {
			b.Call("POST", "/auth/register", apptest.Members{"username": name, "email": address, "password": apptest.NewPassword}).Want(201, "")
		}
		b.Call("POST", "/auth/login", apptest.Members{"username": "probe.b", "password": apptest.NewPassword}).Want(403, "email_unverified")
		b.Call("POST", "/auth/login", apptest.Members{"username": "owner.b@example.com", "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
		first := same("at once")
		mallory.Call("POST", "/auth/logout", nil)
		h.Clock.Advance(week - time.Second)
		mallory.Login("mallory")
		if later := same("a moment before the end"); !slices.Equal(later, first) {
			t.Errorf("%q", later)
		}
		h.Clock.Advance(time.Second)
		for name := range apptest.InOrder(subjects) {
			b.Call("POST", "/auth/login", apptest.Members{"username": name, "password": apptest.NewPassword}).Want(401, "invalid_credentials")
		}
		for name, address := range apptest.InOrder(subjects) {
			b.Call("POST", "/auth/register", apptest.Members{"username": name, "email": address, "password": apptest.NewPassword}).Want(201, "")
		}
	}, apptest.WithRegistration("verified"))
}

// What goes by itself is what nobody has confirmed where that is needed, and
// nothing else.
func TestUnconfirmedAccountsGoAfterAWeek(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("open")
		h.Accounts.Registration = "verified"
		for _, name := range []string{"gone", "confirmed", "used", "promoted"} {
			h.Browser().Register(name)
		}
		h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "reserved", "email": "open@example.com", "password": apptest.GoodPassword}).Want(201, "")
		h.Exec("UPDATE users SET email_verified_at = created_at WHERE username = 'confirmed'")
		h.Exec("UPDATE users SET role = 'moderator' WHERE username = 'promoted'")
		h.Accounts.Registration = "open"
		h.Browser().Login("used")
		sweep := func() {
			now := h.Clock.Now()
			if _, err := h.DB.UsersDeleteUnconfirmed(t.Context(), &now); err != nil {
				t.Error(err)
			}
			if _, err := h.DB.ReservationsDeleteExpired(t.Context(), now); err != nil {
				t.Error(err)
			}
		}
		sweep()
		if n := h.Count("SELECT count(*) FROM users") + h.Count("SELECT count(*) FROM reservations"); n != 6 {
			t.Errorf("%d of 6 before their time", n)
		}
		h.Clock.Advance(week)
		sweep()
		var left []string
		for _, row := range h.Query("SELECT username FROM users ORDER BY username") {
			left = append(left, row["username"])
		}
		if !slices.Equal(left, []string{"confirmed", "open", "promoted", "used"}) || h.Count("SELECT count(*) FROM reservations") != 0 {
			t.Errorf("left are %v", left)
		}
	})
}
