package app_test

import (
	"slices"
	"testing"

	"github.com/techtreks/auth/internal/mail"
)

// Before the @, other letters may be another person's mailbox: mail to it is asked
// for as for any new address. They stay one account.
func TestAMailboxInOtherLettersIsConfirmedLikeAnyOther(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		h.confirmEverybody()
		b.login("alice")
		before := h.account("alice")
		b.updateProfile(members{"email": "ALICE@example.com"}).want(200, "")
		if got := h.account("alice"); got["email"] != before["email"] || got["email_verified_at"] != before["email_verified_at"] {
			t.Errorf("it has changed without being confirmed: %v", got)
		}
		h.browser().call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "")
		h.lastMail(mail.ResetPassword, "alice@example.com")
		token := h.mailedToken(mail.ConfirmEmail, "ALICE@example.com")
		b.call("POST", "/auth/confirm_email", members{"token": token}).want(200, "")
		if got := h.account("alice"); got["email"] != "ALICE@example.com" {
			t.Errorf("the address is %s", got["email"])
		}
		h.lastMail(mail.EmailChanged, "alice@example.com")
	}, registration("verified"))
}

// Typing one's own address again, its domain in other letters, ends a change that
// has not been confirmed.
func TestOnesOwnAddressEndsAPendingChange(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		h.confirmEverybody()
		b.login("alice")
		b.updateProfile(members{"email": "typo@new.example"}).want(200, "")
		token := h.mailedToken(mail.ConfirmEmail, "typo@new.example")
		b.updateProfile(members{"email": "typo@new.example"}).want(200, "") // waits
		b.updateProfile(members{"email": "alice@EXAMPLE.com"}).want(200, "")
		if got := h.queued(); !slices.Equal(got, []string{}) {
			t.Errorf("these mails wait: %v", got)
		}
		b.call("POST", "/auth/confirm_email", members{"token": token}).want(400, "invalid_token")
		if got := h.account("alice"); got["email"] != "alice@EXAMPLE.com" || got["email_verified_at"] == "<nil>" {
			t.Errorf("%v", got)
		}
	}, registration("verified"))
}
