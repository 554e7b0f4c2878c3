package registration_test

import (
	"slices"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
)

const week = 7 * 24 * time.Hour

// In verified mode a registration with a taken address looks like a success. Each later
// request about it gets the same response as for a free address, for as long as an
// unconfirmed account would exist: an attacker cannot find out who has an account.
func TestRegister_TakenEmailIsIndistinguishableInLaterRequests(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("owner.a")
		mallory := h.Browser()
		mallory.Register("mallory")
		h.ConfirmAll()
		mallory.Login("mallory")
		h.Browser().Register("owner.b") // has not confirmed the address yet

		b := h.Browser()
		requests := func(name, address string) (responses []string) {
			send := func(method, path string, body apptest.Members) {
				responses = append(responses, apptest.WithoutID(b.Call(method, path, body)))
			}
			send("POST", "/auth/login", apptest.Members{"username": name, "password": apptest.NewPassword})
			send("POST", "/auth/login", apptest.Members{"username": name, "password": "Wr0ng-passphrase"})
			send("POST", "/auth/login", apptest.Members{"username": address, "password": apptest.NewPassword})
			send("POST", "/auth/login", apptest.Members{"username": address, "password": "Wr0ng-passphrase"})
			send("POST", "/auth/resend_verification", apptest.Members{"email": address})
			send("POST", "/auth/request_reset", apptest.Members{"email": address})
			send("POST", "/auth/register", apptest.Members{"username": name, "email": "another@example.com", "password": apptest.GoodPassword})
			send("POST", "/auth/register", apptest.Members{"username": name, "email": address, "password": apptest.GoodPassword})
			return append(responses, apptest.WithoutID(mallory.UpdateProfile(apptest.Members{"username": name})))
		}
		addresses := map[string]string{"probe.a": "free@example.com", "probe.b": "owner.a@example.com", "probe.c": "owner.b@example.com"}
		compare := func(when string) (free []string) {
			for _, name := range []string{"probe.a", "probe.b", "probe.c"} {
				responses := requests(name, addresses[name])
				if free == nil {
					free = responses
				}
				if !slices.Equal(responses, free) {
					t.Errorf("%s: %s is distinguishable\ngot               %q\nwant as when free %q", when, addresses[name], responses, free)
				}
			}
			return free
		}
		for name, address := range apptest.InOrder(addresses) {
			b.Call("POST", "/auth/register", apptest.Members{"username": name, "email": address, "password": apptest.NewPassword}).Want(201, "")
		}
		b.Call("POST", "/auth/login", apptest.Members{"username": "probe.b", "password": apptest.NewPassword}).Want(403, "email_unverified")
		b.Call("POST", "/auth/login", apptest.Members{"username": "owner.b@example.com", "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
		first := compare("at once")
		mallory.Call("POST", "/auth/logout", nil)
		h.Clock.Advance(week - time.Second)
		mallory.Login("mallory")
		if later := compare("a second before the week ends"); !slices.Equal(later, first) {
			t.Errorf("the responses change within the week\ngot  %q\nwant %q", later, first)
		}
		h.Clock.Advance(time.Second)
		for name := range apptest.InOrder(addresses) {
			b.Call("POST", "/auth/login", apptest.Members{"username": name, "password": apptest.NewPassword}).Want(401, "invalid_credentials")
		}
		for name, address := range apptest.InOrder(addresses) {
			b.Call("POST", "/auth/register", apptest.Members{"username": name, "email": address, "password": apptest.NewPassword}).Want(201, "")
		}
	}, apptest.WithRegistration("verified"))
}

// The sweep deletes unconfirmed accounts and reservations of verified mode after a week.
// It keeps accounts that are confirmed, were used, have a role or were made in open mode.
func TestRegister_UnconfirmedAccountsAreDeletedAfterAWeek(t *testing.T) {
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
			t.Errorf("got %d accounts and reservations before the week ends, want 6", n)
		}
		h.Clock.Advance(week)
		sweep()
		var left []string
		for _, row := range h.Query("SELECT username FROM users ORDER BY username") {
			left = append(left, row["username"])
		}
		if want := []string{"confirmed", "open", "promoted", "used"}; !slices.Equal(left, want) {
			t.Errorf("accounts after a week: got %v, want %v", left, want)
		}
		if n := h.Count("SELECT count(*) FROM reservations"); n != 0 {
			t.Errorf("got %d reservations after a week, want 0", n)
		}
	})
}
