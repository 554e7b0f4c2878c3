package registration_test

import (
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

// A mail scanner opens the link, again and again and by both methods, before the
// person whose address somebody else has registered with. Where it matters,
// nothing comes of it.
func TestMailScannersConfirmNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		m := h.LastMail(mail.VerifyEmail, "alice@example.com")
		token := h.MailedToken(mail.VerifyEmail, "alice@example.com")
		before := h.Dump()
		scanner := h.Browser()
		for range 3 {
			for _, method := range []string{"HEAD", "GET"} {
				a := scanner.Call(method, "/auth/verify/"+token, nil)
				if a.Status != 303 || a.Header.Get("Location") != m.Link || a.Cookie() != "" {
					t.Errorf("%s: %d, %v", method, a.Status, a.Header)
				}
			}
		}
		scanner.Call("GET", "/auth/verify/"+token+"x", nil).Want(400, "invalid_token")
		if h.Dump() != before {
			t.Error("opening the link has changed the database")
		}
		login := apptest.Members{"username": "alice", "password": apptest.GoodPassword}
		h.Browser().Call("POST", "/auth/login", login).Want(403, "email_unverified")
		h.Browser().Call("POST", "/auth/verify", apptest.Members{"token": token}).Want(200, "")
		h.Browser().Call("POST", "/auth/login", login).Want(200, "")
		scanner.Call("GET", "/auth/verify/"+token, nil).Want(400, "invalid_token")
	}, func(c *config.Config) { c.Registration = "verified" })
}
