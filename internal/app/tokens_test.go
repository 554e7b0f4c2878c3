package app_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/token"
)

// A mailed is somebody with a live token of one purpose, and the ways to use it.
type mailed struct {
	token   string
	refusal string // the sentence for one that does not work
	use     map[string]func(token string) *answer
}

// mailedTokens gives three people one token each, of every purpose that one can ask for.
func (h *harness) mailedTokens() map[string]mailed {
	h.t.Helper()
	b := h.browser()
	for _, name := range []string{"verified", "reset", "changed"} {
		b.register(name)
	}
	verify := h.mailedToken(mail.VerifyEmail, "verified@example.com")
	return map[string]mailed{
		"verify_email": {verify, "Invalid token", map[string]func(string) *answer{
			"posted": func(token string) *answer { return b.call("POST", "/auth/verify", members{"token": token}) },
			"opened": func(token string) *answer { return b.call("GET", "/auth/verify/"+url.PathEscape(token), nil) },
		}},
		"reset_password": {h.resetToken("reset"), "Invalid or expired token", map[string]func(string) *answer{
			"posted": func(token string) *answer {
				return b.call("POST", "/auth/reset_password", members{"token": token, "password": newPassword})
			},
			"in the path": func(token string) *answer {
				return b.call("POST", "/auth/reset_password/"+url.PathEscape(token), members{"password": newPassword})
			},
		}},
		"change_email": {h.changeToken("changed", "other@example.com"), "Invalid token", map[string]func(string) *answer{
			"posted": func(token string) *answer { return b.call("POST", "/auth/confirm_email", members{"token": token}) },
		}},
	}
}

// changeToken asks for another address, as where that has to be confirmed, and returns
// the token from the mail.
func (h *harness) changeToken(username, to string) string {
	h.t.Helper()
	b := h.browser()
	b.login(username)
	h.Accounts.Registration = "verified"
	defer func() { h.Accounts.Registration = "open" }()
	b.updateProfile(members{"email": to}).want(200, "")
	return h.mailedToken(mail.ConfirmEmail, to)
}

// X11: what is nearly a token is none, whatever it is a token for, and says so in the
// same words as any other that does not work.
func TestTokensThatDoNotWork(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		all := h.mailedTokens()
		for purpose, m := range inOrder(all) {
			wrong := map[string]string{
				"blank": " ", "NUL": "\x00", "a word": "null", "encoded twice": "%61", "never mailed": strings.Repeat("A", 43),
				"short of one": m.token[:42], "longer by one": m.token + "A", "another case": swapCase(m.token),
				"padded": m.token + "=", "padded more": m.token + "==", "with a space": m.token + " ", "after a space": " " + m.token,
				"the same bytes": sameBytes(m.token), "twice": m.token + m.token, "cut by a NUL": m.token + "\x00",
				"long": strings.Repeat("x", 257), "as long as can be": strings.Repeat("x", 60_000),
			}
			for other, another := range all {
				if other != purpose {
					wrong["for "+other] = another.token
				}
			}
			for how, use := range inOrder(m.use) {
				for name, value := range inOrder(wrong) {
					if how != "posted" && len(value) > 1000 {
						continue // no address is so long
					}
					a := use(value)
					if got := a.json(); a.status != 400 || got["code"] != "invalid_token" || got["error"] != m.refusal {
						t.Errorf("%s, %s, %s: %d %s", purpose, how, name, a.status, a.body)
					}
				}
			}
			if a := m.use["posted"](""); a.status != 400 || a.json()["code"] != "missing_fields" {
				t.Errorf("%s, empty: %d %s", purpose, a.status, a.body)
			}
		}
		b := h.browser()
		for _, path := range []string{"/auth/verify", "/auth/reset_password", "/auth/confirm_email"} {
			b.call("POST", path, `{"token":null}`).want(400, "missing_fields")
			b.call("POST", path, members{}).want(400, "missing_fields")
		}
		b.call("GET", "/auth/verify/", nil).want(404, "not_found")
		b.call("POST", "/auth/reset_password/", members{"password": newPassword}).want(404, "not_found")
		for purpose, m := range inOrder(all) {
			if a := m.use["posted"](m.token); a.status != 200 {
				t.Errorf("%s: after all that it does not work: %d %s", purpose, a.status, a.body)
			}
		}
	})
}

// sameBytes is another spelling of what a token would be in base64: the last letter has
// two bits that say nothing.
func sameBytes(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}

// X56: tokens end with their time, not with the next sweep.
func TestTokensEndToTheSecond(t *testing.T) {
	for purpose, life := range map[string]time.Duration{"verify_email": 24 * time.Hour, "reset_password": time.Hour, "change_email": 24 * time.Hour} {
		t.Run(purpose, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				m := h.mailedTokens()[purpose]
				h.clock.advance(life - time.Second)
				m.use["posted"](m.token).want(200, "")
				h.exec("DELETE FROM users")
				m = h.mailedTokens()[purpose]
				h.clock.advance(life + time.Second)
				m.use["posted"](m.token).want(400, "invalid_token")
			})
		})
	}
}

// Two requests may both have found a token unused. What uses it decides, not what
// looks it up.
func TestATokenThatWasFoundUnusedIsUsedOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		now := h.clock.Now()
		for purpose, m := range inOrder(h.mailedTokens()) {
			use := gendb.TokenUseParams{TokenHash: token.Hash(m.token), Purpose: purpose, Now: &now}
			if _, err := h.DB.TokenUse(t.Context(), use); err != nil {
				t.Fatalf("%s: %v", purpose, err)
			}
			if _, err := h.DB.TokenUse(t.Context(), use); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("%s: a used token is used again (%v)", purpose, err)
			}
			m.use["posted"](m.token).want(400, "invalid_token")
		}
	})
}

// X8: of three tokens of one purpose the last one works.
func TestOnlyTheNewestTokenWorks(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		ask := []struct {
			purpose string
			again   func(i int) string
		}{
			{"verify_email", func(int) string {
				b.call("POST", "/auth/resend_verification", members{"email": "VERIFIED@example.com"}).want(200, "")
				return h.mailedToken(mail.VerifyEmail, "verified@example.com")
			}},
			{"reset_password", func(int) string { return h.resetToken("reset") }},
			{"change_email", func(i int) string { return h.changeToken("changed", fmt.Sprintf("other%d@example.com", i)) }},
		}
		for _, one := range ask {
			h.exec("DELETE FROM users")
			m := h.mailedTokens()[one.purpose]
			use := m.use["posted"]
			tokens := []string{m.token, one.again(1), one.again(2)}
			for _, token := range tokens[:2] {
				use(token).want(400, "invalid_token")
			}
			use(tokens[2]).want(200, "")
			use(tokens[2]).want(400, "invalid_token")
		}
	})
}

// A token is bound to the address it went to, besides being void when that changes.
func TestATokenIsForTheAddressItWentTo(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		all := h.mailedTokens()
		h.exec("UPDATE users SET email = 'new-' || email, email_key = 'new-' || email_key WHERE username <> 'changed'")
		before := h.dump()
		all["verify_email"].use["posted"](all["verify_email"].token).want(400, "invalid_token")
		all["reset_password"].use["posted"](all["reset_password"].token).want(400, "invalid_token")
		if h.dump() != before {
			t.Error("something was done")
		}
	})
}
