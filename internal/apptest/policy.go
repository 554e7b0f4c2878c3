package apptest

import (
	"github.com/techtreks/auth/internal/mail"
)

// A door is an operation that sets a password, for alice, who is logged in and
// has asked for a reset.
type door struct {
	name, field string
	Set         func(password string) *Answer
}

// PasswordEntries are all of them.
func (h *Harness) PasswordEntries(b *Browser, resetToken string) []door {
	stranger := h.Browser()
	return []door{
		{"register", "password", func(p string) *Answer {
			return stranger.Call("POST", "/auth/register", Members{"username": "alice.miller", "email": "alice@y.example", "password": p})
		}},
		{"change", "new_password", func(p string) *Answer {
			return b.Call("PUT", "/auth/change_password", Members{"current_password": GoodPassword, "new_password": p})
		}},
		{"reset", "password", func(p string) *Answer {
			return stranger.Call("POST", "/auth/reset_password", Members{"token": resetToken, "password": p})
		}},
		{"reset by link", "password", func(p string) *Answer {
			return stranger.Call("POST", "/auth/reset_password/"+resetToken, Members{"password": p})
		}},
	}
}

// RefusesPassword checks that a password is refused at every door, with one field, and
// that nothing comes of it.
func (h *Harness) RefusesPassword(doors []door, password, code, sentence string) {
	h.T.Helper()
	for _, d := range doors {
		a := d.Set(password).Want(400, "invalid_fields")
		got := FieldsOf(h.T, a)
		if len(got) != 1 || got[0] != (Field{d.field, code, sentence}) || a.JSON()["error"] != sentence || a.Cookie() != "" {
			h.T.Errorf("%s: %q: %s", d.name, password, a.Body)
		}
	}
}

// OpenPasswordEntries prepares alice and everything that sets a password.
func (h *Harness) OpenPasswordEntries() []door {
	h.T.Helper()
	b := h.Browser()
	b.Register("alice")
	b.Login("alice")
	h.Browser().Call("POST", "/auth/request_reset", Members{"email": "alice@example.com"}).Want(200, "")
	return h.PasswordEntries(b, h.MailedToken(mail.ResetPassword, "alice@example.com"))
}
