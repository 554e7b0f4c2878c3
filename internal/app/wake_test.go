package app_test

import (
	"testing"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

// Somebody is waiting for the mail: the worker of this process is told of it as
// soon as it is in the outbox, and not when it next looks.
func TestWhoeverCausesAMailWakesTheWorker(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		wakes := func(what string, a *answer, status int) {
			t.Helper()
			a.want(status, "")
			select {
			case <-h.Mail.Woken():
			default:
				t.Errorf("%s: nobody has been woken", what)
			}
		}
		wakes("register", b.call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": goodPassword}), 201)
		wakes("resend", b.call("POST", "/auth/resend_verification", members{"email": "alice@example.com"}), 200)
		token := h.mailedToken(mail.VerifyEmail, "alice@example.com")
		b.call("POST", "/auth/verify", members{"token": token}).want(200, "")
		b.login("alice")
		wakes("new address", b.updateProfile(members{"email": "new@example.com"}), 200)
		token = h.mailedToken(mail.ConfirmEmail, "new@example.com")
		wakes("confirmed address", b.call("POST", "/auth/confirm_email", members{"token": token}), 200)
		wakes("new password", b.changePassword(goodPassword, newPassword), 200)
		wakes("reset request", b.call("POST", "/auth/request_reset", members{"email": "new@example.com"}), 200)
		token = h.mailedToken(mail.ResetPassword, "new@example.com")
		wakes("reset", b.call("POST", "/auth/reset_password", members{"token": token, "password": goodPassword}), 200)
	}, func(c *config.Config) { c.Registration = "verified" })
}
