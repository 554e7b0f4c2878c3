package account_test

import (
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

// A request that queues a mail wakes the worker of its process at once, because a person
// waits for the mail. Otherwise the worker would find it at its next poll.
func TestMail_RequestsWakeWorker(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		wakes := func(what string, a *apptest.Answer, status int) {
			t.Helper()
			a.Want(status, "")
			select {
			case <-h.Mail.Woken():
			default:
				t.Errorf("%s: the worker has not been woken", what)
			}
		}
		wakes("register", b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}), 201)
		wakes("resend", b.Call("POST", "/auth/resend_verification", apptest.Members{"email": "alice@example.com"}), 200)
		token := h.MailedToken(mail.VerifyEmail, "alice@example.com")
		b.Call("POST", "/auth/verify", apptest.Members{"token": token}).Want(200, "")
		b.Login("alice")
		wakes("new email", b.UpdateProfile(apptest.Members{"email": "new@example.com"}), 200)
		token = h.MailedToken(mail.ConfirmEmail, "new@example.com")
		wakes("confirmed email", b.Call("POST", "/auth/confirm_email", apptest.Members{"token": token}), 200)
		wakes("new password", b.ChangePassword(apptest.GoodPassword, apptest.NewPassword), 200)
		wakes("reset request", b.Call("POST", "/auth/request_reset", apptest.Members{"email": "new@example.com"}), 200)
		token = h.MailedToken(mail.ResetPassword, "new@example.com")
		wakes("reset", b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.GoodPassword}), 200)
	}, func(c *config.Config) { c.Registration = "verified" })
}
