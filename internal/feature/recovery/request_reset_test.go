package recovery_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// Both operations that send a mail to any address return the same response whatever the
// address is. Only accounts that the mail is meant for get one.
func TestRequestResetAndResendVerification_ResponseIsTheSameForEveryAddress(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Register("verified")
		b.Register("disabled")
		b.Register("mike")
		h.Browser().Call("POST", "/auth/verify", apptest.Members{"token": h.MailedToken(mail.VerifyEmail, "verified@example.com")}).Want(200, "")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = created_at WHERE username = 'disabled'"); err != nil {
			t.Fatal(err)
		}
		before := len(h.Mails())
		for _, path := range []string{"/auth/request_reset", "/auth/resend_verification"} {
			var first string
			for _, address := range []string{
				"alice@example.com", "ALICE@EXAMPLE.COM", "verified@example.com", "disabled@example.com", "nobody@example.com",
				"not an address", "alice@example.com,mallory@example.com", strings.Repeat("a", 243) + "@example.com", strings.Repeat("a", 60_000),
				// Some lower case, upper case or compatibility form maps these to mike@example.com.
				"m\u0131ke@example.com", "m\u0130ke@example.com", "mi\u212Ae@example.com", "\uFF4D\uFF49\uFF4B\uFF45@example.com", "mike\uFF20example.com",
				"mike@ex\u1D43mple.com", "mike@example\u3002com",
			} {
				got := apptest.WithoutID(b.Call("POST", path, apptest.Members{"email": address}).Want(200, ""))
				if first == "" {
					first = got
				}
				if got != first {
					t.Errorf("%s: the response to %q differs\ngot  %s\nwant %s", path, address, got, first)
				}
			}
		}
		// Of the two requests for alice only the newest is in the queue when mails are sent.
		want := map[string]int{"reset_password alice@example.com": 1, "reset_password verified@example.com": 1, "verify_email alice@example.com": 1}
		got := map[string]int{}
		for _, m := range h.Mails()[before:] {
			got[string(m.Kind)+" "+m.To]++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("mails: got %v, want %v", got, want)
		}
	})
}

// Known and unknown addresses cost the same work during the request: one row in the
// outbox. The worker finds the account later, so that response time reveals nothing.
func TestRequestReset_CostsTheSameForEveryAddress(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.Mails()
		for _, address := range []string{"alice@example.com", "nobody@example.com"} {
			before := h.Count("SELECT count(*) FROM outbox")
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": address}).Want(200, "")
			if n := h.Count("SELECT count(*) FROM outbox") - before; n != 1 {
				t.Errorf("%s: got %d rows in the outbox, want 1", address, n)
			}
		}
		if n := h.Count("SELECT count(*) FROM tokens WHERE purpose = 'reset_password'"); n != 0 {
			t.Errorf("got %d tokens before the mail is sent, want 0", n)
		}
	})
}

// X6: links in mails come from the configuration. No header of the request changes them.
func TestRequestReset_LinkIgnoresHeadersOfTheRequest(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		const prefix = "http://localhost:3000/reset-password#token="
		b := h.Browser()
		b.Register("alice")
		for i, edit := range []func(*http.Request){
			func(r *http.Request) { r.Host = "evil.example" },
			apptest.Header("X-Forwarded-Host", "evil.example"),
			apptest.Header("X-Forwarded-Proto", "ftp"),
			apptest.Header("Forwarded", "host=evil.example;proto=http"),
			apptest.Header("Referer", "https://evil.example/"),
		} {
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}, edit).Want(200, "")
			m := h.LastMail(mail.ResetPassword, "alice@example.com")
			if !strings.HasPrefix(m.Link, prefix) || strings.Contains(m.Text+m.HTML, "evil") {
				t.Errorf("edit %d: got the link %s, want %s…", i, m.Link, prefix)
			}
		}
		sent := h.CountMails(mail.ResetPassword)
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}, apptest.Header("Origin", "https://evil.example")).Want(403, "cross_origin_refused")
		if n := h.CountMails(mail.ResetPassword) - sent; n != 0 {
			t.Errorf("got %d mails for a cross-origin request, want 0", n)
		}
		const body = `{"email":"alice@example.com"}`
		status := h.Raw(fmt.Sprintf("POST http://evil.example/auth/request_reset HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body))
		m := h.LastMail(mail.ResetPassword, "alice@example.com")
		if n := h.CountMails(mail.ResetPassword) - sent; status != 200 || n != 1 || !strings.HasPrefix(m.Link, prefix) || strings.Contains(m.Text+m.HTML, "evil") {
			t.Errorf("absolute request target: got %d, %d mails and the link %s, want 200, 1 and %s…", status, n, m.Link, prefix)
		}
	})
}
