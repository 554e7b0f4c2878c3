package app_test

import (
	"fmt"
	"testing"

	"github.com/techtreks/auth/internal/mail"
)

const newPassword = "N3w-passphrase"

// resetToken asks for a reset and returns the token from the mail.
func (h *harness) resetToken(username string) string {
	h.t.Helper()
	h.browser().call("POST", "/auth/request_reset", members{"email": username + "@example.com"}).want(200, "")
	return h.mailedToken(mail.ResetPassword, username+"@example.com")
}

func TestResetReplacesEverything(t *testing.T) {
	ways := map[string]func(b *browser, token string) *answer{
		"token in the body": func(b *browser, token string) *answer {
			return b.call("POST", "/auth/reset_password", members{"token": token, "password": newPassword})
		},
		"token in the path": func(b *browser, token string) *answer {
			return b.call("POST", "/auth/reset_password/"+token, members{"password": newPassword})
		},
	}
	for name, reset := range ways {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				var sessions []*browser
				for i := range 3 {
					b := h.browser()
					if i == 0 {
						b.register("alice")
					}
					b.login("alice")
					sessions = append(sessions, b)
				}
				verify := h.mailedToken(mail.VerifyEmail, "alice@example.com")
				token := h.resetToken("alice")
				a := reset(sessions[0], token).want(200, "")
				if a.json()["msg"] != "Password reset successful" || a.header.Get("Set-Cookie") != "" {
					t.Errorf("%s, Set-Cookie %q", a.body, a.header.Get("Set-Cookie"))
				}
				for i, b := range sessions {
					if b.loggedIn() {
						t.Errorf("session %d is alive", i)
					}
				}
				b := h.browser()
				b.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}).want(401, "invalid_credentials")
				b.call("POST", "/auth/login", members{"username": "alice", "password": newPassword}).want(200, "")
				if !b.isVerified() {
					t.Error("the link came to the address, and it is not confirmed")
				}
				reset(b, token).want(400, "invalid_token")
				b.call("POST", "/auth/verify", members{"token": verify}).want(400, "invalid_token")
				if h.countMails(mail.PasswordReset) != 1 {
					t.Error("the owner is not told")
				}
			})
		})
	}
}

func TestParallelResetsSucceedOnce(t *testing.T) {
	eachByChance(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		token := h.resetToken("alice")
		password := func(i int) string { return fmt.Sprintf("N3w-passphrase-%d", i) }
		n := successes(h, 50, func(b *browser, i int) *answer {
			return b.call("POST", "/auth/reset_password", members{"token": token, "password": password(i)})
		})
		if n != 1 {
			t.Fatalf("%d succeed", n)
		}
		works := 0
		for i := range 50 {
			if h.browser().call("POST", "/auth/login", members{"username": "alice", "password": password(i)}).status == 200 {
				works++
			}
		}
		if works != 1 {
			t.Errorf("%d passwords work", works)
		}
	})
}

func TestResetHoldsPasswordsToTheRules(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		token := h.resetToken("alice")
		a := b.call("POST", "/auth/reset_password", members{"token": token, "password": "Travel-light"}).want(400, "invalid_fields")
		if a.json()["error"] != "Password must contain a number" {
			t.Errorf("%s", a.body)
		}
		b.call("POST", "/auth/reset_password/"+token, members{"password": "short"}).want(400, "invalid_fields")
		b.call("POST", "/auth/reset_password", members{"token": token, "password": newPassword}).want(200, "")
	})
}

func TestGuessedTokensCostNoHash(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		before := h.passwords().Hashes()
		h.browser().call("POST", "/auth/reset_password", members{"token": "guess", "password": newPassword}).want(400, "invalid_token")
		if n := h.passwords().Hashes() - before; n != 0 {
			t.Errorf("%d hashes", n)
		}
	})
}

// The token is bound to the address it went to: when that is no longer the
// account's, whoever reads it there has no business with the account.
func TestResetTokenDiesWithItsAddress(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		token := h.resetToken("alice")
		b.call("PUT", "/auth/update_profile", members{"email": "new@example.com"}).want(200, "")
		b.call("POST", "/auth/reset_password", members{"token": token, "password": newPassword}).want(400, "invalid_token")
	})
}

func TestDisabledAccountsCannotBeReset(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		token, verify := h.resetToken("alice"), h.mailedToken(mail.VerifyEmail, "alice@example.com")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = created_at"); err != nil {
			t.Fatal(err)
		}
		b.call("POST", "/auth/reset_password", members{"token": token, "password": newPassword}).want(400, "invalid_token")
		b.call("POST", "/auth/verify", members{"token": verify}).want(400, "invalid_token")
	})
}
