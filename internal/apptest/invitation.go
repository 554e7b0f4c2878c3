package apptest

import (
	"github.com/techtreks/auth/internal/mail"
)

// Invite has an administrator make an account, and returns the mailed token.
func (b *Browser) Invite(body Members) (token string) {
	b.H.T.Helper()
	user := b.Call("POST", "/auth/admin/users", body).Want(201, "").JSON()["user"].(map[string]any)
	if user["has_password"] != false || user["email_verified"] != false {
		b.H.T.Errorf("the new account is %v", user)
	}
	return b.H.MailedToken(mail.Invitation, body["email"].(string))
}

// WithPassword gives an account the usual password, and logs it in.
func (h *Harness) WithPassword(username string) *Browser {
	h.T.Helper()
	hash, err := h.Passwords().Hash(h.T.Context(), GoodPassword)
	if err != nil {
		h.T.Fatal(err)
	}
	h.Exec("UPDATE users SET password_hash = $1, email_verified_at = created_at WHERE username = $2", hash, username)
	b := h.Browser()
	b.Login(username)
	return b
}
