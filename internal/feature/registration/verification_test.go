package registration_test

import (
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

func TestVerifyEmail_TokenWorksOnce(t *testing.T) {
	operations := map[string]func(b *apptest.Browser, token string) *apptest.Answer{
		"token in the body": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("POST", "/auth/verify", apptest.Members{"token": token})
		},
		"token in the path": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("GET", "/auth/verify/"+token, nil)
		},
	}
	for name, verify := range operations {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b := h.Browser()
				b.Register("alice")
				b.Login("alice")
				token := h.MailedToken(mail.VerifyEmail, "alice@example.com")
				b.Call("HEAD", "/auth/verify/"+token, nil)
				if b.IsVerified() {
					t.Fatal("a HEAD request verifies the address")
				}
				a := verify(h.Browser(), token).Want(200, "")
				if a.JSON()["msg"] != "Email verified!" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("got %s and Set-Cookie %q, want the message alone", a.Body, a.Header.Get("Set-Cookie"))
				}
				if !b.IsVerified() {
					t.Error("the address is not verified")
				}
				if again := verify(h.Browser(), token).Want(400, "invalid_token"); again.JSON()["error"] != "Invalid token" {
					t.Errorf("second use: got %s, want Invalid token", again.Body)
				}
			})
		})
	}
}

func TestVerifyEmail_ConcurrentRequestsSucceedOnce(t *testing.T) {
	apptest.EachConcurrent(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		token := h.MailedToken(mail.VerifyEmail, "alice@example.com")
		if n := apptest.Successes(h, 50, func(b *apptest.Browser, _ int) *apptest.Answer {
			return b.Call("POST", "/auth/verify", apptest.Members{"token": token})
		}); n != 1 {
			t.Errorf("got %d successes, want 1", n)
		}
	})
}

// A mail scanner opens the link before the owner of the address does, repeatedly and with
// both methods. In verified mode this must not verify an address that an attacker has
// registered: the link only redirects to the page with the button.
func TestVerifyEmailByLink_MailScannerVerifiesNothing(t *testing.T) {
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
					t.Errorf("%s: got %d %v, want 303 to %s", method, a.Status, a.Header, m.Link)
				}
			}
		}
		scanner.Call("GET", "/auth/verify/"+token+"x", nil).Want(400, "invalid_token")
		if h.Dump() != before {
			t.Error("opening the link changed the database")
		}
		login := apptest.Members{"username": "alice", "password": apptest.GoodPassword}
		h.Browser().Call("POST", "/auth/login", login).Want(403, "email_unverified")
		h.Browser().Call("POST", "/auth/verify", apptest.Members{"token": token}).Want(200, "")
		h.Browser().Call("POST", "/auth/login", login).Want(200, "")
		scanner.Call("GET", "/auth/verify/"+token, nil).Want(400, "invalid_token")
	}, func(c *config.Config) { c.Registration = "verified" })
}

// The longest token that the contract allows, however it is encoded, fits into the header
// size that net/http reads. A longer one violates the schema.
func TestVerifyEmailByLink_BoundsTheToken(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Call("GET", "/auth/verify/"+strings.Repeat("x", 512), nil).Want(400, "invalid_token")
		h.Browser().Call("GET", "/auth/verify/"+strings.Repeat("x", 513), nil).Want(400, "invalid_fields")
	})
}
