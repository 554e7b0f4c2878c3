package app_test

import (
	"fmt"
	"testing"
	"time"
)

// X38: an address gets three mails an hour of a kind that strangers can ask for,
// and a client asks twenty times; nobody but the client itself learns of either.
func TestMailFloodsStopAtTheirVictimAndAtTheirSource(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		h.exec("DELETE FROM outbox")
		for _, path := range []string{"/auth/request_reset", "/auth/resend_verification"} {
			var first, last *answer
			mails := 0
			for i := range 100 {
				spelled := []string{"alice@example.com", "ALICE@example.com", "Alice@EXAMPLE.com"}[i%3]
				last = h.browser().call("POST", path, members{"email": spelled}, forwarded(fmt.Sprintf("198.51.100.%d", i))).want(200, "")
				if first == nil {
					first = last
				}
				mails += h.count("SELECT count(*) FROM outbox")
				h.exec("DELETE FROM outbox")
			}
			if mails != 3 || visible(first) != visible(last) {
				t.Errorf("%s: %d mails; the answer was\n%s\nand is\n%s", path, mails, visible(first), visible(last))
			}
			answered := 0
			b := h.browser()
			for i := range 100 {
				if b.call("POST", path, members{"email": fmt.Sprintf("person%d@example.com", i)}, forwarded("203.0.113.1")).status == 200 {
					answered++
				}
			}
			if n := h.count("SELECT count(*) FROM outbox"); n != 20 || answered != 20 {
				t.Errorf("%s: %d mails after %d answers", path, n, answered)
			}
			h.exec("DELETE FROM outbox")
			h.clock.advance(time.Hour)
			b.call("POST", path, members{"email": "alice@example.com"}, forwarded("203.0.113.1")).want(200, "")
			if n := h.count("SELECT count(*) FROM outbox"); n != 1 {
				t.Errorf("%s: %d mails in the next hour", path, n)
			}
			h.exec("DELETE FROM outbox")
		}
	}, limiting(), trustingLoopback)
}

// X38, for registrations: who has an address is told of three an hour, wherever they
// come from, and the strangers cannot tell.
func TestRegistrationsWithATakenAddressFloodNobody(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		h.confirmEverybody()
		h.clock.advance(time.Hour) // her own registration was one of three
		mails := 0
		var first, last *answer
		register := func(i int) {
			t.Helper()
			h.exec("DELETE FROM outbox")
			last = h.browser().call("POST", "/auth/register", members{"username": fmt.Sprintf("name%d", i), "email": "ALICE@example.com", "password": goodPassword},
				forwarded(fmt.Sprintf("198.51.100.%d", i))).want(201, "")
			if first == nil {
				first = last
			}
			mails += h.count("SELECT count(*) FROM outbox WHERE kind = 'already_registered'")
		}
		for i := range 100 {
			register(i)
		}
		if mails != 3 || visible(first) != visible(last) {
			t.Errorf("%d mails; the answer was\n%s\nand is\n%s", mails, visible(first), visible(last))
		}
		h.clock.advance(time.Hour)
		if register(100); mails != 4 {
			t.Errorf("%d mails in the next hour, want 1", mails-3)
		}
	}, limiting(), trustingLoopback, registration("verified"))
}

// Whoever is logged in can have mail sent to any address by calling it their own: to
// five an hour, from however many networks.
func TestAccountsAskForFewAddresses(t *testing.T) {
	for _, mode := range []string{"open", "verified"} {
		t.Run(mode, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				mallory, other := h.browser(), h.browser()
				mallory.register("mallory")
				other.register("other")
				h.confirmEverybody()
				mallory.login("mallory")
				other.login("other")
				change := func(b *browser, i int) *answer {
					return b.call("PUT", "/auth/update_profile", members{"email": fmt.Sprintf("victim%d@example.com", i%2), "current_password": goodPassword},
						forwarded(fmt.Sprintf("198.51.100.%d", i)))
				}
				for i := range 5 {
					change(mallory, i).want(200, "")
				}
				if wait := change(mallory, 5).want(429, "rate_limited").header.Get("Retry-After"); wait != "3600" {
					t.Errorf("Retry-After is %s", wait)
				}
				mallory.call("PUT", "/auth/update_profile", members{"username": "malory"}).want(200, "")
				other.call("PUT", "/auth/update_profile", members{"email": "other@new.example"}).want(200, "")
			}, limiting(), trustingLoopback, registration(mode))
		})
	}
}
