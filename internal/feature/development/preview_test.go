package development_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

// The preview shows links that open accounts, so it exists only in development and only
// for requests from the same machine.
func TestPreviewedMail_IsLocalAndOnlyInDevelopment(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		m := h.LastMail(mail.VerifyEmail, "alice@example.com")
		list := string(b.Call("GET", "/dev/mail", nil).Want(200, "").Body)
		if !strings.Contains(list, "alice@example.com") || !strings.Contains(list, "#token=") {
			t.Errorf("the list lacks the mail:\n%s", list)
		}
		page := b.Call("GET", fmt.Sprintf("/dev/mail/%d", m.ID), nil).Want(200, "")
		if !strings.Contains(string(page.Body), "#token=") {
			t.Errorf("the page lacks the link:\n%s", page.Body)
		}
		// A mail contains text that clients chose. It runs no script and has no origin.
		policy := page.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none';") || !strings.Contains(policy, "; sandbox ") ||
			strings.Contains(policy, "script") || strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "allow-forms") {
			t.Errorf("Content-Security-Policy of a mail: got %q, want a sandbox without scripts, forms and origin", policy)
		}
		b.Call("GET", "/dev/mail/99", nil).Want(404, "not_found")
		b.Call("GET", "/dev/mail/x", nil).Want(400, "invalid_fields")
		for _, host := range []string{"evil.example", "evil.example:5001", "localhost.evil.example", "192.0.2.1", ""} {
			for _, path := range []string{"/dev/mail", fmt.Sprintf("/dev/mail/%d", m.ID)} {
				a := b.Call("GET", path, nil, func(r *http.Request) { r.Host = host })
				if want := map[bool]int{true: 200, false: 404}[host == ""]; a.Status != want {
					t.Errorf("%s with the host %q: got %d, want %d", path, host, a.Status, want)
				}
			}
		}
		proxied := h.StartAnother(func(c *config.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
		proxied.Browser().Call("GET", "/dev/mail", nil, apptest.Header("X-Forwarded-For", "127.0.0.1")).Want(200, "")
		proxied.Browser().Call("GET", "/dev/mail", nil, apptest.Header("X-Forwarded-For", "192.0.2.7")).Want(404, "not_found")
		production := h.StartAnother(apptest.Production)
		production.Browser().Call("GET", "/dev/mail", nil).Want(404, "not_found")
		production.Browser().Call("GET", "/dev/mail/1", nil).Want(404, "not_found")
	})
}
