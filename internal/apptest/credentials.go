package apptest

import (
	"net/url"

	"github.com/techtreks/auth/internal/mail"
)

// A passwordEntry is an operation that sets a password for alice, who is logged in and
// has requested a reset.
type passwordEntry struct {
	name, field string
	Set         func(password string) *Answer
}

// OpenPasswordEntries registers alice, requests a reset and returns every operation that
// sets a password.
func (h *Harness) OpenPasswordEntries() []passwordEntry {
	h.T.Helper()
	b := h.Browser()
	b.Register("alice")
	b.Login("alice")
	h.Browser().Call("POST", "/auth/request_reset", Members{"email": "alice@example.com"}).Want(200, "")
	return h.PasswordEntries(b, h.MailedToken(mail.ResetPassword, "alice@example.com"))
}

// PasswordEntries lists every operation that sets a password.
func (h *Harness) PasswordEntries(b *Browser, resetToken string) []passwordEntry {
	client := h.Browser()
	return []passwordEntry{
		{"register", "password", func(p string) *Answer {
			return client.Call("POST", "/auth/register", Members{"username": "alice.miller", "email": "alice@y.example", "password": p})
		}},
		{"change", "new_password", func(p string) *Answer {
			return b.Call("PUT", "/auth/change_password", Members{"current_password": GoodPassword, "new_password": p})
		}},
		{"reset", "password", func(p string) *Answer {
			return client.Call("POST", "/auth/reset_password", Members{"token": resetToken, "password": p})
		}},
		{"reset by link", "password", func(p string) *Answer {
			return client.Call("POST", "/auth/reset_password/"+resetToken, Members{"password": p})
		}},
	}
}

// RefusesPassword fails the test unless every operation rejects the password for the same
// single reason and starts no session.
func (h *Harness) RefusesPassword(entries []passwordEntry, password, code, sentence string) {
	h.T.Helper()
	for _, e := range entries {
		a := e.Set(password).Want(400, "invalid_fields")
		got := FieldsOf(h.T, a)
		if len(got) != 1 || got[0] != (Field{e.field, code, sentence}) || a.JSON()["error"] != sentence || a.Cookie() != "" {
			h.T.Errorf("%s: %q: got %s", e.name, password, a.Body)
		}
	}
}

// A mailedToken is a valid token of one purpose and the operations that accept it.
type mailedToken struct {
	Token   string
	Refusal string // message for an invalid token
	Use     map[string]func(token string) *Answer
}

// MailedTokens registers three accounts and requests one token of each purpose.
func (h *Harness) MailedTokens() map[string]mailedToken {
	h.T.Helper()
	b := h.Browser()
	for _, name := range []string{"verified", "reset", "changed"} {
		b.Register(name)
	}
	verify := h.MailedToken(mail.VerifyEmail, "verified@example.com")
	return map[string]mailedToken{
		"verify_email": {verify, "Invalid token", map[string]func(string) *Answer{
			"posted": func(token string) *Answer { return b.Call("POST", "/auth/verify", Members{"token": token}) },
			"opened": func(token string) *Answer { return b.Call("GET", "/auth/verify/"+url.PathEscape(token), nil) },
		}},
		"reset_password": {h.ResetToken("reset"), "Invalid or expired token", map[string]func(string) *Answer{
			"posted": func(token string) *Answer {
				return b.Call("POST", "/auth/reset_password", Members{"token": token, "password": NewPassword})
			},
			"in the path": func(token string) *Answer {
				return b.Call("POST", "/auth/reset_password/"+url.PathEscape(token), Members{"password": NewPassword})
			},
		}},
		"change_email": {h.ChangeToken("changed", "other@example.com"), "Invalid token", map[string]func(string) *Answer{
			"posted": func(token string) *Answer { return b.Call("POST", "/auth/confirm_email", Members{"token": token}) },
		}},
	}
}
