package recovery_test

import (
	"fmt"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// A reset ends all sessions and other links, verifies the address and notifies the owner.
func TestResetPassword_EndsSessionsAndLinks(t *testing.T) {
	operations := map[string]func(b *apptest.Browser, token string) *apptest.Answer{
		"token in the body": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword})
		},
		"token in the path": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("POST", "/auth/reset_password/"+token, apptest.Members{"password": apptest.NewPassword})
		},
	}
	for name, reset := range operations {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				var sessions []*apptest.Browser
				for i := range 3 {
					b := h.Browser()
					if i == 0 {
						b.Register("alice")
					}
					b.Login("alice")
					sessions = append(sessions, b)
				}
				verify := h.MailedToken(mail.VerifyEmail, "alice@example.com")
				token := h.ResetToken("alice")
				a := reset(sessions[0], token).Want(200, "")
				if a.JSON()["msg"] != "Password reset successful" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("got %s and Set-Cookie %q, want the message alone", a.Body, a.Header.Get("Set-Cookie"))
				}
				for i, b := range sessions {
					if b.LoggedIn() {
						t.Errorf("session %d survives the reset", i)
					}
				}
				b := h.Browser()
				b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
				b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.NewPassword}).Want(200, "")
				if !b.IsVerified() {
					t.Error("the address is not verified, although its mail was read")
				}
				reset(b, token).Want(400, "invalid_token")
				b.Call("POST", "/auth/verify", apptest.Members{"token": verify}).Want(400, "invalid_token")
				if n := h.CountMails(mail.PasswordReset); n != 1 {
					t.Errorf("got %d mails to the owner, want 1", n)
				}
			})
		})
	}
}

func TestResetPassword_ConcurrentRequestsSucceedOnce(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		token := h.ResetToken("alice")
		password := func(i int) string { return fmt.Sprintf("N3w-passphrase-%d", i) }
		n := apptest.Successes(h, 50, func(b *apptest.Browser, i int) *apptest.Answer {
			return b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": password(i)})
		})
		if n != 1 {
			t.Fatalf("got %d successes, want 1", n)
		}
		working := 0
		for i := range 50 {
			if h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": password(i)}).Status == 200 {
				working++
			}
		}
		if working != 1 {
			t.Errorf("got %d working passwords, want 1", working)
		}
	})
}

// A password that the policy rejects does not use up the token.
func TestResetPassword_AppliesPasswordPolicy(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		token := h.ResetToken("alice")
		a := b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "Travel-light"}).Want(400, "invalid_fields")
		if a.JSON()["error"] != "Password must contain a number" {
			t.Errorf("got %s, want the rule about numbers", a.Body)
		}
		b.Call("POST", "/auth/reset_password/"+token, apptest.Members{"password": "short"}).Want(400, "invalid_fields")
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}).Want(200, "")
	})
}

func TestResetPassword_UnknownTokenCostsNoHash(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		before := h.Passwords().Hashes()
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": "guess", "password": apptest.NewPassword}).Want(400, "invalid_token")
		if n := h.Passwords().Hashes() - before; n != 0 {
			t.Errorf("got %d hashes, want 0", n)
		}
	})
}

// The token is bound to the address that it was mailed to. The owner of an address that the
// account no longer has must not get into the account.
func TestResetPassword_RejectsTokenAfterEmailChange(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		token := h.ResetToken("alice")
		b.Call("PUT", "/auth/update_profile", apptest.Members{"email": "new@example.com"}).Want(200, "")
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}).Want(400, "invalid_token")
	})
}

func TestResetPassword_RejectsTokenOfDisabledAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		token, verify := h.ResetToken("alice"), h.MailedToken(mail.VerifyEmail, "alice@example.com")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = created_at"); err != nil {
			t.Fatal(err)
		}
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}).Want(400, "invalid_token")
		b.Call("POST", "/auth/verify", apptest.Members{"token": verify}).Want(400, "invalid_token")
	})
}
