package apptest

import (
	"net/url"

	"github.com/techtreks/auth/internal/mail"
)

// A mailed is somebody with a live token of one purpose, and the ways to use it.
type mailed struct {
	Token   string
	Refusal string // the sentence for one that does not work
	Use     map[string]func(token string) *Answer
}

// MailedTokens gives three people one token each, of every purpose that one can ask for.
func (h *Harness) MailedTokens() map[string]mailed {
	h.T.Helper()
	b := h.Browser()
	for _, name := range []string{"verified", "reset", "changed"} {
		b.Register(name)
	}
	verify := h.MailedToken(mail.VerifyEmail, "verified@example.com")
	return map[string]mailed{
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

// ChangeToken asks for another address, as where that has to be confirmed, and returns
// the token from the mail.
func (h *Harness) ChangeToken(username, to string) string {
	h.T.Helper()
	b := h.Browser()
	b.Login(username)
	h.Accounts.Registration = "verified"
	defer func() { h.Accounts.Registration = "open" }()
	b.UpdateProfile(Members{"email": to}).Want(200, "")
	return h.MailedToken(mail.ConfirmEmail, to)
}
