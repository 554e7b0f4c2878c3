package recovery_test

import (
	"fmt"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

func TestResetReplacesEverything(t *testing.T) {
	ways := map[string]func(b *apptest.Browser, token string) *apptest.Answer{
		"token in the body": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword})
		},
		"token in the path": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("POST", "/auth/reset_password/"+token, apptest.Members{"password": apptest.NewPassword})
		},
	}
	for name, reset := range ways {
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
					t.Errorf("%s, Set-Cookie %q", a.Body, a.Header.Get("Set-Cookie"))
				}
				for i, b := range sessions {
					if b.LoggedIn() {
						t.Errorf("session %d is alive", i)
					}
				}
				b := h.Browser()
				b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
				b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.NewPassword}).Want(200, "")
				if !b.IsVerified() {
					t.Error("the link came to the address, and it is not confirmed")
				}
				reset(b, token).Want(400, "invalid_token")
				b.Call("POST", "/auth/verify", apptest.Members{"token": verify}).Want(400, "invalid_token")
				if h.CountMails(mail.PasswordReset) != 1 {
					t.Error("the owner is not told")
				}
			})
		})
	}
}

func TestParallelResetsSucceedOnce(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		token := h.ResetToken("alice")
		password := func(i int) string { return fmt.Sprintf("N3w-passphrase-%d", i) }
		n := apptest.Successes(h, 50, func(b *apptest.Browser, i int) *apptest.Answer {
			return b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": password(i)})
		})
		if n != 1 {
			t.Fatalf("%d succeed", n)
		}
		works := 0
		for i := range 50 {
			if h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": password(i)}).Status == 200 {
				works++
			}
		}
		if works != 1 {
			t.Errorf("%d passwords work", works)
		}
	})
}

func TestResetHoldsPasswordsToTheRules(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		token := h.ResetToken("alice")
		a := b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": "Travel-light"}).Want(400, "invalid_fields")
		if a.JSON()["error"] != "Password must contain a number" {
			t.Errorf("%s", a.Body)
		}
		b.Call("POST", "/auth/reset_password/"+token, apptest.Members{"password": "short"}).Want(400, "invalid_fields")
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}).Want(200, "")
	})
}

func TestGuessedTokensCostNoHash(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		before := h.Passwords().Hashes()
		h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": "guess", "password": apptest.NewPassword}).Want(400, "invalid_token")
		if n := h.Passwords().Hashes() - before; n != 0 {
			t.Errorf("%d hashes", n)
		}
	})
}

// The token is bound to the address it went to: when that is no longer the
// account's, whoever reads it there has no business with the account.
func TestResetTokenDiesWithItsAddress(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		token := h.ResetToken("alice")
		b.Call("PUT", "/auth/update_profile", apptest.Members{"email": "new@example.com"}).Want(200, "")
		b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}).Want(400, "invalid_token")
	})
}

func TestDisabledAccountsCannotBeReset(t *testing.T) {
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
