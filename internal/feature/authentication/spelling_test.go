package authentication_test

import (
	"slices"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// Before the @, other letters may be another person's mailbox: mail to it is asked
// for as for any new address. They stay one account.
func TestAMailboxInOtherLettersIsConfirmedLikeAnyOther(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.ConfirmAll()
		b.Login("alice")
		before := h.Account("alice")
		b.UpdateProfile(apptest.Members{"email": "ALICE@example.com"}).Want(200, "")
		if got := h.Account("alice"); got["email"] != before["email"] || got["email_verified_at"] != before["email_verified_at"] {
			t.Errorf("it has changed without being confirmed: %v", got)
		}
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
		h.LastMail(mail.ResetPassword, "alice@example.com")
		token := h.MailedToken(mail.ConfirmEmail, "ALICE@example.com")
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": token}).Want(200, "")
		if got := h.Account("alice"); got["email"] != "ALICE@example.com" {
			t.Errorf("the address is %s", got["email"])
		}
		h.LastMail(mail.EmailChanged, "alice@example.com")
	}, apptest.WithRegistration("verified"))
}

// Typing one's own address again, its domain in other letters, ends a change that
// has not been confirmed.
func TestOnesOwnAddressEndsAPendingChange(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.ConfirmAll()
		b.Login("alice")
		b.UpdateProfile(apptest.Members{"email": "typo@new.example"}).Want(200, "")
		token := h.MailedToken(mail.ConfirmEmail, "typo@new.example")
		b.UpdateProfile(apptest.Members{"email": "typo@new.example"}).Want(200, "") // waits
		b.UpdateProfile(apptest.Members{"email": "alice@EXAMPLE.com"}).Want(200, "")
		if got := h.Queued(); !slices.Equal(got, []string{}) {
			t.Errorf("these mails wait: %v", got)
		}
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": token}).Want(400, "invalid_token")
		if got := h.Account("alice"); got["email"] != "alice@EXAMPLE.com" || got["email_verified_at"] == "<nil>" {
			t.Errorf("%v", got)
		}
	}, apptest.WithRegistration("verified"))
}
