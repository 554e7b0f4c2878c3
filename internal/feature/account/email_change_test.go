package account_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// A request for an address does not block another account's request for it. The link that
// is used first decides.
func TestUpdateProfile_SameEmailRequestedByTwoAccounts(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		alice, mallory := h.Browser(), h.Browser()
		alice.Register("alice")
		mallory.Register("mallory")
		h.ConfirmAll()
		alice.Login("alice")
		mallory.Login("mallory")
		alice.UpdateProfile(apptest.Members{"email": "alice@new.example"}).Want(200, "")
		mallory.UpdateProfile(apptest.Members{"email": "alice@new.example"}).Want(200, "")
		var tokens []string
		for _, m := range h.Mails() {
			if _, token, ok := strings.Cut(m.Link, "#token="); ok && m.To == "alice@new.example" {
				tokens = append(tokens, token)
			}
		}
		if len(tokens) != 2 {
			t.Fatalf("got %d links, want 2", len(tokens))
		}
		b := h.Browser()
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": tokens[0]}).Want(200, "")
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": tokens[1]}).Want(409, "email_taken")
	}, apptest.WithRegistration("verified"))
}

// A logged-in user can have mail sent to any address by entering it as their own. The
// account can do so five times per hour, from any number of networks.
func TestUpdateProfile_LimitsNewEmailsPerAccount(t *testing.T) {
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
					t.Errorf("Retry-After: got %s, want 3600", wait)
				}
				mallory.Call("PUT", "/auth/update_profile", apptest.Members{"username": "malory"}).Want(200, "")
				other.Call("PUT", "/auth/update_profile", apptest.Members{"email": "other@new.example"}).Want(200, "")
			}, apptest.WithLimits(), apptest.TrustLoopback, apptest.WithRegistration(mode))
		})
	}
}

// A link to a new address does not work after another account has got the address.
func TestConfirmEmail_RejectsEmailTakenMeanwhile(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Call("POST", "/auth/verify", apptest.Members{"token": h.MailedToken(mail.VerifyEmail, "alice@example.com")}).Want(200, "")
		b.Login("alice")
		b.UpdateProfile(apptest.Members{"email": "wanted@example.com"}).Want(200, "")
		token := h.MailedToken(mail.ConfirmEmail, "wanted@example.com")
		bob := h.Browser()
		bob.Call("POST", "/auth/register", apptest.Members{"username": "bob", "email": "wanted@example.com", "password": apptest.GoodPassword}).Want(201, "")
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": token}).Want(409, "email_taken")
	}, apptest.WithRegistration("verified"))
}
