package registration_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

func TestMailedTokenConfirmsTheAddressOnce(t *testing.T) {
	ways := map[string]func(b *apptest.Browser, token string) *apptest.Answer{
		"posted": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("POST", "/auth/verify", apptest.Members{"token": token})
		},
		"opened": func(b *apptest.Browser, token string) *apptest.Answer {
			return b.Call("GET", "/auth/verify/"+token, nil)
		},
	}
	for name, confirm := range ways {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b := h.Browser()
				b.Register("alice")
				b.Login("alice")
				token := h.MailedToken(mail.VerifyEmail, "alice@example.com")
				b.Call("HEAD", "/auth/verify/"+token, nil)
				if b.IsVerified() {
					t.Fatal("HEAD confirms the address")
				}
				a := confirm(h.Browser(), token).Want(200, "")
				if a.JSON()["msg"] != "Email verified!" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s, Set-Cookie %q", a.Body, a.Header.Get("Set-Cookie"))
				}
				if !b.IsVerified() {
					t.Error("the address is not confirmed")
				}
				if again := confirm(h.Browser(), token).Want(400, "invalid_token"); again.JSON()["error"] != "Invalid token" {
					t.Errorf("again: %s", again.Body)
				}
			})
		})
	}
}

func TestAskingForMailTellsNothing(t *testing.T) {
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
				// What some lower case, upper case or compatibility form makes mike@example.com of.
				"m\u0131ke@example.com", "m\u0130ke@example.com", "mi\u212Ae@example.com", "\uFF4D\uFF49\uFF4B\uFF45@example.com", "mike\uFF20example.com",
				"mike@ex\u1D43mple.com", "mike@example\u3002com",
			} {
				got := apptest.WithoutID(b.Call("POST", path, apptest.Members{"email": address}).Want(200, ""))
				if first == "" {
					first = got
				}
				if got != first {
					t.Errorf("%s tells %q apart:\n%s\n%s", path, address, got, first)
				}
			}
		}
		var to []string
		for _, m := range h.Mails()[before:] {
			to = append(to, string(m.Kind)+" "+m.To)
		}
		// Of the two requests for alice only the newest is waiting when mail goes out.
		want := map[string]int{"reset_password alice@example.com": 1, "reset_password verified@example.com": 1, "verify_email alice@example.com": 1}
		got := map[string]int{}
		for _, m := range to {
			got[m]++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("mailed %v, want %v", got, want)
		}
	})
}

// Known and unknown addresses cost the same work while the client waits: one
// row in the outbox, whatever becomes of it later.
func TestAskingForMailCostsTheSameForAnyAddress(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.Mails()
		for _, address := range []string{"alice@example.com", "nobody@example.com"} {
			before := h.Count("SELECT count(*) FROM outbox")
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": address}).Want(200, "")
			if n := h.Count("SELECT count(*) FROM outbox") - before; n != 1 {
				t.Errorf("%s: %d rows", address, n)
			}
		}
		if n := h.Count("SELECT count(*) FROM tokens WHERE purpose = 'reset_password'"); n != 0 {
			t.Errorf("%d tokens while the client waits", n)
		}
	})
}

// X6: whatever a request says about where it was sent to or comes from.
func TestLinksNeverFollowTheRequest(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
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
			if !strings.HasPrefix(m.Link, "http://localhost:3000/reset-password#token=") || strings.Contains(m.Text+m.HTML, "evil") {
				t.Errorf("%d: %s", i, m.Link)
			}
		}
		sent := h.CountMails(mail.ResetPassword)
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}, apptest.Header("Origin", "https://evil.example")).Want(403, "cross_origin_refused")
		if n := h.CountMails(mail.ResetPassword); n != sent {
			t.Errorf("%d mails for a page from elsewhere", n-sent)
		}
		const body = `{"email":"alice@example.com"}`
		status := h.Raw(fmt.Sprintf("POST http://evil.example/auth/request_reset HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body))
		m := h.LastMail(mail.ResetPassword, "alice@example.com")
		if n := h.CountMails(mail.ResetPassword); status != 200 || n != sent+1 || !strings.HasPrefix(m.Link, "http://localhost:3000/reset-password#token=") || strings.Contains(m.Text+m.HTML, "evil") {
			t.Errorf("%d, %d mails, %s", status, n-sent, m.Link)
		}
	})
}

func TestVerifiedRegistrationTellsStrangersNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		free := b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(201, "")
		taken := b.Call("POST", "/auth/register", apptest.Members{"username": "mallory", "email": "ALICE@example.com", "password": "0ther-Password"}).Want(201, "")
		if apptest.WithoutID(free) != apptest.WithoutID(taken) {
			t.Errorf("a taken address is told:\n%s\n%s", apptest.WithoutID(free), apptest.WithoutID(taken))
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 1 {
			t.Errorf("%d accounts", n)
		}
		if h.CountMails(mail.AlreadyRegistered) != 1 {
			t.Error("the owner is not told")
		}
		b.Call("POST", "/auth/register", apptest.Members{"username": "Alice", "email": "new@example.com", "password": apptest.GoodPassword}).Want(409, "username_taken")

		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}).Want(401, "invalid_credentials")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(403, "email_unverified")
		b.Call("POST", "/auth/verify", apptest.Members{"token": h.MailedToken(mail.VerifyEmail, "alice@example.com")}).Want(200, "")
		b.Login("alice")
	}, apptest.WithRegistration("verified"))
}

func TestClosedRegistrationMakesNoAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		before := h.Passwords().Hashes()
		a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword})
		if a.Want(403, "registration_closed"); h.Passwords().Hashes() != before || h.Count("SELECT count(*) FROM users") != 0 {
			t.Error("something was done")
		}
	}, apptest.WithRegistration("closed"))
}

// An account never exists without its mail, nor the mail without the account.
func TestAccountAndMailAreOneTransaction(t *testing.T) {
	failures := map[string]struct{ fail, mend func(h *apptest.Harness) }{
		"the mail cannot be written": {
			func(h *apptest.Harness) { h.Exec("ALTER TABLE outbox RENAME TO elsewhere") },
			func(h *apptest.Harness) { h.Exec("ALTER TABLE elsewhere RENAME TO outbox") },
		},
		"the account cannot be committed": {func(h *apptest.Harness) { h.FailCommits("users") }, func(*apptest.Harness) {}},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				failure.fail(h)
				h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(500, "internal_error")
				failure.mend(h)
				accounts, mails := h.Count("SELECT count(*) FROM users"), h.Count("SELECT count(*) FROM outbox")
				if accounts+mails != 0 {
					t.Errorf("what has failed leaves %d accounts and %d mails", accounts, mails)
				}
			})
		})
	}
}

func TestMailSpeaksTheLanguageOfTheRegistration(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, accept := range apptest.InOrder(map[string]string{"anna": "de-AT,de;q=0.9,en;q=0.1", "bob": "en-GB", "carl": "xx", "dora": strings.Repeat("de,", 5000)}) {
			h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": name + "@example.com", "password": apptest.GoodPassword}, apptest.Header("Accept-Language", accept))
		}
		german, english := h.LastMail(mail.VerifyEmail, "anna@example.com"), h.LastMail(mail.VerifyEmail, "bob@example.com")
		if german.Subject == english.Subject {
			t.Errorf("both are %q", german.Subject)
		}
		// Asked for by somebody else's browser, it still speaks the account's.
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "anna@example.com"}, apptest.Header("Accept-Language", "en"))
		if got := h.LastMail(mail.ResetPassword, "anna@example.com"); !strings.Contains(got.Text, "Passwort") {
			t.Errorf("%s", got.Text)
		}
	})
}

func TestMailPreviewIsOfDevelopmentAlone(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		m := h.LastMail(mail.VerifyEmail, "alice@example.com")
		list := string(b.Call("GET", "/dev/mail", nil).Want(200, "").Body)
		if !strings.Contains(list, "alice@example.com") || !strings.Contains(list, "#token=") {
			t.Error("the list lacks the mail")
		}
		page := b.Call("GET", fmt.Sprintf("/dev/mail/%d", m.ID), nil).Want(200, "")
		if !strings.Contains(string(page.Body), "#token=") {
			t.Error("the page lacks the link")
		}
		// What a template has made of a stranger's words runs nothing, and is of no origin.
		policy := page.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none';") || !strings.Contains(policy, "; sandbox ") ||
			strings.Contains(policy, "script") || strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "allow-forms") {
			t.Errorf("the policy of a mail's page is %q", policy)
		}
		b.Call("GET", "/dev/mail/99", nil).Want(404, "not_found")
		b.Call("GET", "/dev/mail/x", nil).Want(400, "invalid_fields")
		for _, host := range []string{"evil.example", "evil.example:5001", "localhost.evil.example", "192.0.2.1", ""} {
			for _, path := range []string{"/dev/mail", fmt.Sprintf("/dev/mail/%d", m.ID)} {
				a := b.Call("GET", path, nil, func(r *http.Request) { r.Host = host })
				if wanted := map[bool]int{true: 200, false: 404}[host == ""]; a.Status != wanted {
					t.Errorf("%s at %q: %d", path, host, a.Status)
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

func TestParallelConfirmationsSucceedOnce(t *testing.T) {
	apptest.EachConcurrent(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		token := h.MailedToken(mail.VerifyEmail, "alice@example.com")
		if n := apptest.Successes(h, 50, func(b *apptest.Browser, _ int) *apptest.Answer {
			return b.Call("POST", "/auth/verify", apptest.Members{"token": token})
		}); n != 1 {
			t.Errorf("%d succeed", n)
		}
	})
}
