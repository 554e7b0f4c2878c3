package recovery_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/token"
)

// A mailedToken is a valid token of one purpose and the operations that accept it.
type mailedToken struct {
	Token   string
	Refusal string // message for an invalid token
	Use     map[string]func(token string) *apptest.Answer
}

// mailedTokens registers three accounts and requests one token of each purpose.
func mailedTokens(h *apptest.Harness) map[string]mailedToken {
	h.T.Helper()
	b := h.Browser()
	for _, name := range []string{"verified", "reset", "changed"} {
		b.Register(name)
	}
	verify := h.MailedToken(mail.VerifyEmail, "verified@example.com")
	return map[string]mailedToken{
		"verify_email": {verify, "Invalid token", map[string]func(string) *apptest.Answer{
			"body": func(token string) *apptest.Answer {
				return b.Call("POST", "/auth/verify", apptest.Members{"token": token})
			},
			"path": func(token string) *apptest.Answer { return b.Call("GET", "/auth/verify/"+url.PathEscape(token), nil) },
		}},
		"reset_password": {h.ResetToken("reset"), "Invalid or expired token", map[string]func(string) *apptest.Answer{
			"body": func(token string) *apptest.Answer {
				return b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword})
			},
			"path": func(token string) *apptest.Answer {
				return b.Call("POST", "/auth/reset_password/"+url.PathEscape(token), apptest.Members{"password": apptest.NewPassword})
			},
		}},
		"change_email": {h.ChangeToken("changed", "other@example.com"), "Invalid token", map[string]func(string) *apptest.Answer{
			"body": func(token string) *apptest.Answer {
				return b.Call("POST", "/auth/confirm_email", apptest.Members{"token": token})
			},
		}},
	}
}

// X11: an altered token or one for another purpose does not work. The response is that
// for any other invalid token.
func TestTokens_RejectAlteredTokens(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		all := mailedTokens(h)
		for purpose, m := range apptest.InOrder(all) {
			wrong := map[string]string{
				"blank": " ", "NUL": "\x00", "word": "null", "encoded twice": "%61", "never mailed": strings.Repeat("A", 43),
				"one character less": m.Token[:42], "one character more": m.Token + "A", "another case": apptest.SwapCase(m.Token),
				"padded": m.Token + "=", "padded twice": m.Token + "==", "trailing space": m.Token + " ", "leading space": " " + m.Token,
				"same bytes": sameBytes(m.Token), "twice": m.Token + m.Token, "trailing NUL": m.Token + "\x00",
				"long": strings.Repeat("x", 257), "longest": strings.Repeat("x", 60_000),
			}
			for otherPurpose, other := range all {
				if otherPurpose != purpose {
					wrong["for "+otherPurpose] = other.Token
				}
			}
			for how, use := range apptest.InOrder(m.Use) {
				for name, value := range apptest.InOrder(wrong) {
					if how != "body" && len(value) > 1000 {
						continue // too long for a URL
					}
					a := use(value)
					if got := a.JSON(); a.Status != 400 || got["code"] != "invalid_token" || got["error"] != m.Refusal {
						t.Errorf("%s, %s, %s: got %d %s, want 400 invalid_token %q", purpose, how, name, a.Status, a.Body, m.Refusal)
					}
				}
			}
			if a := m.Use["body"](""); a.Status != 400 || a.JSON()["code"] != "missing_fields" {
				t.Errorf("%s, empty: got %d %s, want 400 missing_fields", purpose, a.Status, a.Body)
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
			if a := m.Use["body"](m.Token); a.Status != 200 {
				t.Errorf("%s: the rejected requests used up the token: got %d %s, want 200", purpose, a.Status, a.Body)
			}
		}
	})
}

// sameBytes returns another base64 encoding of the bytes of a token: decoding ignores the
// last two bits of its last character.
func sameBytes(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}

// X56: a token expires at its time, not at the next sweep.
func TestTokens_ExpireToTheSecond(t *testing.T) {
	for purpose, lifetime := range map[string]time.Duration{"verify_email": 24 * time.Hour, "reset_password": time.Hour, "change_email": 24 * time.Hour} {
		t.Run(purpose, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				m := mailedTokens(h)[purpose]
				h.Clock.Advance(lifetime - time.Second)
				m.Use["body"](m.Token).Want(200, "")
				h.Exec("DELETE FROM users")
				m = mailedTokens(h)[purpose]
				h.Clock.Advance(lifetime + time.Second)
				m.Use["body"](m.Token).Want(400, "invalid_token")
			})
		})
	}
}

// Two concurrent requests may both read that a token is unused. The statement that uses it
// must check that again.
func TestTokenUse_SecondUseFindsNoToken(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		now := h.Clock.Now()
		for purpose, m := range apptest.InOrder(mailedTokens(h)) {
			use := gendb.TokenUseParams{TokenHash: token.Hash(m.Token), Purpose: purpose, Now: &now}
			if _, err := h.DB.TokenUse(t.Context(), use); err != nil {
				t.Fatalf("%s: %v", purpose, err)
			}
			if _, err := h.DB.TokenUse(t.Context(), use); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("%s: second use: got %v, want sql.ErrNoRows", purpose, err)
			}
			m.Use["body"](m.Token).Want(400, "invalid_token")
		}
	})
}

// X8: of three tokens for one purpose only the last one works.
func TestTokens_OnlyTheNewestWorks(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		requests := []struct {
			purpose string
			next    func(i int) string // requests another token and returns it
		}{
			{"verify_email", func(int) string {
				b.Call("POST", "/auth/resend_verification", apptest.Members{"email": "VERIFIED@example.com"}).Want(200, "")
				return h.MailedToken(mail.VerifyEmail, "verified@example.com")
			}},
			{"reset_password", func(int) string { return h.ResetToken("reset") }},
			{"change_email", func(i int) string { return h.ChangeToken("changed", fmt.Sprintf("other%d@example.com", i)) }},
		}
		for _, request := range requests {
			h.Exec("DELETE FROM users")
			m := mailedTokens(h)[request.purpose]
			use := m.Use["body"]
			tokens := []string{m.Token, request.next(1), request.next(2)}
			for _, token := range tokens[:2] {
				use(token).Want(400, "invalid_token")
			}
			use(tokens[2]).Want(200, "")
			use(tokens[2]).Want(400, "invalid_token")
		}
	})
}

// A token is bound to the address that it was mailed to, even if the change of the address
// has not deleted it.
func TestTokens_RejectTokenOfAnotherAddress(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		all := mailedTokens(h)
		h.Exec("UPDATE users SET email = 'new-' || email, email_key = 'new-' || email_key WHERE username <> 'changed'")
		before := h.Dump()
		all["verify_email"].Use["body"](all["verify_email"].Token).Want(400, "invalid_token")
		all["reset_password"].Use["body"](all["reset_password"].Token).Want(400, "invalid_token")
		if h.Dump() != before {
			t.Error("a rejected token changed the database")
		}
	})
}
