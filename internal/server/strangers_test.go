package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/mail"
)

// confirmEverybody stands for the links that they have all used.
func (h *harness) confirmEverybody() {
	h.t.Helper()
	h.exec("UPDATE users SET email_verified_at = $1", h.clock.Now())
	h.drain()
}

// Whoever asks for an address that somebody else has asked for stops nobody:
// the link that is used first decides.
func TestAnAddressAskedForTwiceIsAskedForByBoth(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		alice, mallory := h.browser(), h.browser()
		alice.register("alice")
		mallory.register("mallory")
		h.confirmEverybody()
		alice.login("alice")
		mallory.login("mallory")
		alice.updateProfile(members{"email": "alice@new.example"}).want(200, "")
		mallory.updateProfile(members{"email": "alice@new.example"}).want(200, "")
		var tokens []string
		for _, m := range h.mails() {
			if _, token, ok := strings.Cut(m.Link, "#token="); ok && m.To == "alice@new.example" {
				tokens = append(tokens, token)
			}
		}
		if len(tokens) != 2 {
			t.Fatalf("%d links", len(tokens))
		}
		b := h.browser()
		b.call("POST", "/auth/confirm_email", members{"token": tokens[0]}).want(200, "")
		b.call("POST", "/auth/confirm_email", members{"token": tokens[1]}).want(409, "email_taken")
	}, registration("verified"))
}

// However often strangers register with somebody's address, one mail waits for
// the owner, and the queue's bound holds.
func TestRegistrationsWithATakenAddressPileNothingUp(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("victim")
		h.confirmEverybody()
		h.Mail.MaxPending = 10
		for i := range 40 {
			b.call("POST", "/auth/register", members{"username": fmt.Sprintf("name%d", i), "email": "Victim@example.com", "password": goodPassword},
				header("User-Agent", "Stranger/1.0")).want(201, "")
		}
		if got := h.queued(); !slices.Equal(got, []string{"already_registered to Victim@example.com"}) {
			t.Errorf("these mails wait: %v", got)
		}
		m := h.lastMail(mail.AlreadyRegistered, "victim@example.com")
		if strings.Contains(m.Text+m.HTML, "127.0.0.1") || strings.Contains(m.Text+m.HTML, "Stranger") {
			t.Errorf("the mail tells the owner who the stranger is:\n%s", m.Text)
		}
		for i := range 10 {
			b.call("POST", "/auth/request_reset", members{"email": fmt.Sprintf("nobody%d@example.com", i)}).want(200, "")
		}
		b.call("POST", "/auth/register", members{"username": "another", "email": "victim@example.com", "password": goodPassword}).want(201, "")
		if n := h.count("SELECT count(*) FROM outbox"); n != 10 {
			t.Errorf("%d mails wait with a bound of ten", n)
		}
	}, registration("verified"))
}
