package apptest

import "github.com/techtreks/auth/internal/mail"

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
