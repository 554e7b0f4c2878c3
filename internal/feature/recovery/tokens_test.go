package recovery_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/token"
)

// X11: what is nearly a token is none, whatever it is a token for, and says so in the
// same words as any other that does not work.
func TestTokensThatDoNotWork(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		all := h.MailedTokens()
		for purpose, m := range apptest.InOrder(all) {
			wrong := map[string]string{
				"blank": " ", "NUL": "\x00", "a word": "null", "encoded twice": "%61", "never mailed": strings.Repeat("A", 43),
				"short of one": m.Token[:42], "longer by one": m.Token + "A", "another case": apptest.SwapCase(m.Token),
				"padded": m.Token + "=", "padded more": m.Token + "==", "with a space": m.Token + " ", "after a space": " " + m.Token,
				"the same bytes": sameBytes(m.Token), "twice": m.Token + m.Token, "cut by a NUL": m.Token + "\x00",
				"long": strings.Repeat("x", 257), "as long as can be": strings.Repeat("x", 60_000),
			}
			for other, another := range all {
				if other != purpose {
					wrong["for "+other] = another.Token
				}
			}
			for how, use := range apptest.InOrder(m.Use) {
				for name, value := range apptest.InOrder(wrong) {
					if how != "posted" && len(value) > 1000 {
						continue // no address is so long
					}
					a := use(value)
					if got := a.JSON(); a.Status != 400 || got["code"] != "invalid_token" || got["error"] != m.Refusal {
						t.Errorf("%s, %s, %s: %d %s", purpose, how, name, a.Status, a.Body)
					}
				}
			}
			if a := m.Use["posted"](""); a.Status != 400 || a.JSON()["code"] != "missing_fields" {
				t.Errorf("%s, empty: %d %s", purpose, a.Status, a.Body)
			}
		}
		b := h.Browser()
		for _, path := range []string{"/auth/verify", "/auth/reset_password", "/auth/confirm_email"} {
			b.Call("POST", path, `{"token":null}`).Want(400, "missing_fields")
			b.Call("POST", path, apptest.Members{}).Want(400, "missing_fields")
		}
		b.Call("GET", "/auth/verify/", nil).Want(404, "not_found")
		b.Call("POST", "/auth/reset_password/", apptest.Members{"password": apptest.NewPassword}).Want(404, "not_found")
		for purpose, m := range apptest.InOrder(all) {
			if a := m.Use["posted"](m.Token); a.Status != 200 {
				t.Errorf("%s: after all that it does not work: %d %s", purpose, a.Status, a.Body)
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
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				m := h.MailedTokens()[purpose]
				h.Clock.Advance(life - time.Second)
				m.Use["posted"](m.Token).Want(200, "")
				h.Exec("DELETE FROM users")
				m = h.MailedTokens()[purpose]
				h.Clock.Advance(life + time.Second)
				m.Use["posted"](m.Token).Want(400, "invalid_token")
			})
		})
	}
}

// Two requests may both have found a token unused. What uses it decides, not what
// looks it up.
func TestATokenThatWasFoundUnusedIsUsedOnce(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		now := h.Clock.Now()
		for purpose, m := range apptest.InOrder(h.MailedTokens()) {
			use := gendb.TokenUseParams{TokenHash: token.Hash(m.Token), Purpose: purpose, Now: &now}
			if _, err := h.DB.TokenUse(t.Context(), use); err != nil {
				t.Fatalf("%s: %v", purpose, err)
			}
			if _, err := h.DB.TokenUse(t.Context(), use); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("%s: a used token is used again (%v)", purpose, err)
			}
			m.Use["posted"](m.Token).Want(400, "invalid_token")
		}
	})
}

// X8: of three tokens of one purpose the last one works.
func TestOnlyTheNewestTokenWorks(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		ask := []struct {
			purpose string
			again   func(i int) string
		}{
			{"verify_email", func(int) string {
				b.Call("POST", "/auth/resend_verification", apptest.Members{"email": "VERIFIED@example.com"}).Want(200, "")
				return h.MailedToken(mail.VerifyEmail, "verified@example.com")
			}},
			{"reset_password", func(int) string { return h.ResetToken("reset") }},
			{"change_email", func(i int) string { return h.ChangeToken("changed", fmt.Sprintf("other%d@example.com", i)) }},
		}
		for _, one := range ask {
			h.Exec("DELETE FROM users")
			m := h.MailedTokens()[one.purpose]
			use := m.Use["posted"]
			tokens := []string{m.Token, one.again(1), one.again(2)}
			for _, token := range tokens[:2] {
				use(token).Want(400, "invalid_token")
			}
			use(tokens[2]).Want(200, "")
			use(tokens[2]).Want(400, "invalid_token")
		}
	})
}

// A token is bound to the address it went to, besides being void when that changes.
func TestATokenIsForTheAddressItWentTo(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		all := h.MailedTokens()
		h.Exec("UPDATE users SET email = 'new-' || email, email_key = 'new-' || email_key WHERE username <> 'changed'")
		before := h.Dump()
		all["verify_email"].Use["posted"](all["verify_email"].Token).Want(400, "invalid_token")
		all["reset_password"].Use["posted"](all["reset_password"].Token).Want(400, "invalid_token")
		if h.Dump() != before {
			t.Error("something was done")
		}
	})
}
