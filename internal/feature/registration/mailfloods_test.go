package registration_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
)

// X38: an address gets three mails an hour of a kind that strangers can ask for,
// and a client asks twenty times; nobody but the client itself learns of either.
func TestMailFloodsStopAtTheirVictimAndAtTheirSource(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.Exec("DELETE FROM outbox")
		for _, path := range []string{"/auth/request_reset", "/auth/resend_verification"} {
			var first, last *apptest.Answer
			mails := 0
			for i := range 100 {
				spelled := []string{"alice@example.com", "ALICE@example.com", "Alice@EXAMPLE.com"}[i%3]
				last = h.Browser().Call("POST", path, apptest.Members{"email": spelled}, apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i))).Want(200, "")
				if first == nil {
					first = last
				}
				mails += h.Count("SELECT count(*) FROM outbox")
				h.Exec("DELETE FROM outbox")
			}
			if mails != 3 || apptest.StableParts(first) != apptest.StableParts(last) {
				t.Errorf("%s: %d mails; the answer was\n%s\nand is\n%s", path, mails, apptest.StableParts(first), apptest.StableParts(last))
			}
			answered := 0
			b := h.Browser()
			for i := range 100 {
				if b.Call("POST", path, apptest.Members{"email": fmt.Sprintf("person%d@example.com", i)}, apptest.ForwardedFor("203.0.113.1")).Status == 200 {
					answered++
				}
			}
			if n := h.Count("SELECT count(*) FROM outbox"); n != 20 || answered != 20 {
				t.Errorf("%s: %d mails after %d answers", path, n, answered)
			}
			h.Exec("DELETE FROM outbox")
			h.Clock.Advance(time.Hour)
			b.Call("POST", path, apptest.Members{"email": "alice@example.com"}, apptest.ForwardedFor("203.0.113.1")).Want(200, "")
			if n := h.Count("SELECT count(*) FROM outbox"); n != 1 {
				t.Errorf("%s: %d mails in the next hour", path, n)
			}
			h.Exec("DELETE FROM outbox")
		}
	}, apptest.WithLimits(), apptest.TrustLoopback)
}

// X38, for registrations: who has an address is told of three an hour, wherever they
// come from, and the strangers cannot tell.
func TestRegistrationsWithATakenAddressFloodNobody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.ConfirmAll()
		h.Clock.Advance(time.Hour) // her own registration was one of three
		mails := 0
		var first, last *apptest.Answer
		register := func(i int) {
			t.Helper()
			h.Exec("DELETE FROM outbox")
			last = h.Browser().Call("POST", "/auth/register", apptest.Members{"username": fmt.Sprintf("name%d", i), "email": "ALICE@example.com", "password": apptest.GoodPassword},
				apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i))).Want(201, "")
			if first == nil {
				first = last
			}
			mails += h.Count("SELECT count(*) FROM outbox WHERE kind = 'already_registered'")
		}
		for i := range 100 {
			register(i)
		}
		if mails != 3 || apptest.StableParts(first) != apptest.StableParts(last) {
			t.Errorf("%d mails; the answer was\n%s\nand is\n%s", mails, apptest.StableParts(first), apptest.StableParts(last))
		}
		h.Clock.Advance(time.Hour)
		if register(100); mails != 4 {
			t.Errorf("%d mails in the next hour, want 1", mails-3)
		}
	}, apptest.WithLimits(), apptest.TrustLoopback, apptest.WithRegistration("verified"))
}

// Whoever is logged in can have mail sent to any address by calling it their own: to
// five an hour, from however many networks.
func TestAccountsAskForFewAddresses(t *testing.T) {
	for _, mode := range []string{"open", "verified"} {
		t.Run(mode, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				mallory, other := h.Browser(), h.Browser()
				mallory.Register("mallory")
				other.Register("other")
				h.ConfirmAll()
				mallory.Login("mallory")
				other.Login("other")
				change := func(b *apptest.Browser, i int) *apptest.Answer {
					return b.Call("PUT", "/auth/update_profile", apptest.Members{"email": fmt.Sprintf("victim%d@example.com", i%2), "current_password": apptest.GoodPassword},
						apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i)))
				}
				for i := range 5 {
					change(mallory, i).Want(200, "")
				}
				if wait := change(mallory, 5).Want(429, "rate_limited").Header.Get("Retry-After"); wait != "3600" {
					t.Errorf("Retry-After is %s", wait)
				}
				mallory.Call("PUT", "/auth/update_profile", apptest.Members{"username": "malory"}).Want(200, "")
				other.Call("PUT", "/auth/update_profile", apptest.Members{"email": "other@new.example"}).Want(200, "")
			}, apptest.WithLimits(), apptest.TrustLoopback, apptest.WithRegistration(mode))
		})
	}
}
