package app_test

import (
	"testing"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

// A mail scanner opens the link, again and again and by both methods, before the
// person whose address somebody else has registered with. Where it matters,
// nothing comes of it.
func TestMailScannersConfirmNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		m := h.lastMail(mail.VerifyEmail, "alice@example.com")
		token := h.mailedToken(mail.VerifyEmail, "alice@example.com")
		before := h.dump()
		scanner := h.browser()
		for range 3 {
			for _, method := range []string{"HEAD", "GET"} {
				a := scanner.call(method, "/auth/verify/"+token, nil)
				if a.status != 303 || a.header.Get("Location") != m.Link || a.cookie() != "" {
					t.Errorf("%s: %d, %v", method, a.status, a.header)
				}
			}
		}
		scanner.call("GET", "/auth/verify/"+token+"x", nil).want(400, "invalid_token")
		if h.dump() != before {
			t.Error("opening the link has changed the database")
		}
		login := members{"username": "alice", "password": goodPassword}
		h.browser().call("POST", "/auth/login", login).want(403, "email_unverified")
		h.browser().call("POST", "/auth/verify", members{"token": token}).want(200, "")
		h.browser().call("POST", "/auth/login", login).want(200, "")
		scanner.call("GET", "/auth/verify/"+token, nil).want(400, "invalid_token")
	}, func(c *config.Config) { c.Registration = "verified" })
}
