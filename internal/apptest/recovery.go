package apptest

import (
	"github.com/techtreks/auth/internal/mail"
)

const NewPassword = "N3w-passphrase"

// ResetToken asks for a reset and returns the token from the mail.
func (h *Harness) ResetToken(username string) string {
	h.T.Helper()
	h.Browser().Call("POST", "/auth/request_reset", Members{"email": username + "@example.com"}).Want(200, "")
	return h.MailedToken(mail.ResetPassword, username+"@example.com")
}
