package account_test

import (
	"slices"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// Before the @, the case may matter to the receiving server: other letters may be the
// mailbox of another person. So the change needs a confirmation like any new address.
// Both spellings remain the same account.
func TestUpdateProfile_LocalPartInOtherCaseNeedsConfirmation(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.ConfirmAll()
		b.Login("alice")
		before := h.Account("alice")
		b.UpdateProfile(apptest.Members{"email": "ALICE@example.com"}).Want(200, "")
		if got := h.Account("alice"); got["email"] != before["email"] || got["email_verified_at"] != before["email_verified_at"] {
			t.Errorf("the address has changed without a confirmation: %v", got)
		}
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
		h.LastMail(mail.ResetPassword, "alice@example.com")
		token := h.MailedToken(mail.ConfirmEmail, "ALICE@example.com")
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": token}).Want(200, "")
		if got := h.Account("alice"); got["email"] != "ALICE@example.com" {
			t.Errorf("the address is %s, want ALICE@example.com", got["email"])
		}
		h.LastMail(mail.EmailChanged, "alice@example.com")
	}, apptest.WithRegistration("verified"))
}

// Entering the current address again, with its domain in another case, cancels a change
// that is not confirmed yet.
func TestUpdateProfile_CurrentAddressCancelsPendingChange(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.ConfirmAll()
		b.Login("alice")
		b.UpdateProfile(apptest.Members{"email": "typo@new.example"}).Want(200, "")
		token := h.MailedToken(mail.ConfirmEmail, "typo@new.example")
		b.UpdateProfile(apptest.Members{"email": "typo@new.example"}).Want(200, "") // stays in the outbox
		b.UpdateProfile(apptest.Members{"email": "alice@EXAMPLE.com"}).Want(200, "")
		if got := h.Queued(); !slices.Equal(got, []string{}) {
			t.Errorf("queued mails: got %v, want none", got)
		}
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": token}).Want(400, "invalid_token")
		if got := h.Account("alice"); got["email"] != "alice@EXAMPLE.com" || got["email_verified_at"] == "<nil>" {
			t.Errorf("got %v, want the address alice@EXAMPLE.com, verified", got)
		}
	}, apptest.WithRegistration("verified"))
}
