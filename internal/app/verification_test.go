package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

func registration(mode string) func(*config.Config) {
	return func(c *config.Config) { c.Registration = mode }
}

// isVerified asks the API.
func (b *browser) isVerified() bool {
	b.h.t.Helper()
	return b.call("GET", "/auth/profile", nil).want(200, "").json()["email_verified"] == true
}

func TestMailedTokenConfirmsTheAddressOnce(t *testing.T) {
	ways := map[string]func(b *browser, token string) *answer{
		"posted": func(b *browser, token string) *answer { return b.call("POST", "/auth/verify", members{"token": token}) },
		"opened": func(b *browser, token string) *answer { return b.call("GET", "/auth/verify/"+token, nil) },
	}
	for name, confirm := range ways {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				b := h.browser()
				b.register("alice")
				b.login("alice")
				token := h.mailedToken(mail.VerifyEmail, "alice@example.com")
				b.call("HEAD", "/auth/verify/"+token, nil)
				if b.isVerified() {
					t.Fatal("HEAD confirms the address")
				}
				a := confirm(h.browser(), token).want(200, "")
				if a.json()["msg"] != "Email verified!" || a.header.Get("Set-Cookie") != "" {
					t.Errorf("%s, Set-Cookie %q", a.body, a.header.Get("Set-Cookie"))
				}
				if !b.isVerified() {
					t.Error("the address is not confirmed")
				}
				if again := confirm(h.browser(), token).want(400, "invalid_token"); again.json()["error"] != "Invalid token" {
					t.Errorf("again: %s", again.body)
				}
			})
		})
	}
}

func TestAskingForMailTellsNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.register("verified")
		b.register("disabled")
		b.register("mike")
		h.browser().call("POST", "/auth/verify", members{"token": h.mailedToken(mail.VerifyEmail, "verified@example.com")}).want(200, "")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET disabled_at = created_at WHERE username = 'disabled'"); err != nil {
			t.Fatal(err)
		}
		before := len(h.mails())
		for _, path := range []string{"/auth/request_reset", "/auth/resend_verification"} {
			var first string
			for _, address := range []string{
				"alice@example.com", "ALICE@EXAMPLE.COM", "verified@example.com", "disabled@example.com", "nobody@example.com",
				"not an address", "alice@example.com,mallory@example.com", strings.Repeat("a", 243) + "@example.com", strings.Repeat("a", 60_000),
				// What some lower case, upper case or compatibility form makes mike@example.com of.
				"m\u0131ke@example.com", "m\u0130ke@example.com", "mi\u212Ae@example.com", "\uFF4D\uFF49\uFF4B\uFF45@example.com", "mike\uFF20example.com",
				"mike@ex\u1D43mple.com", "mike@example\u3002com",
			} {
				got := withoutID(b.call("POST", path, members{"email": address}).want(200, ""))
				if first == "" {
					first = got
				}
				if got != first {
					t.Errorf("%s tells %q apart:\n%s\n%s", path, address, got, first)
				}
			}
		}
		var to []string
		for _, m := range h.mails()[before:] {
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		h.mails()
		for _, address := range []string{"alice@example.com", "nobody@example.com"} {
			before := h.count("SELECT count(*) FROM outbox")
			b.call("POST", "/auth/request_reset", members{"email": address}).want(200, "")
			if n := h.count("SELECT count(*) FROM outbox") - before; n != 1 {
				t.Errorf("%s: %d rows", address, n)
			}
		}
		if n := h.count("SELECT count(*) FROM tokens WHERE purpose = 'reset_password'"); n != 0 {
			t.Errorf("%d tokens while the client waits", n)
		}
	})
}

// X6: whatever a request says about where it was sent to or comes from.
func TestLinksNeverFollowTheRequest(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		for i, edit := range []func(*http.Request){
			func(r *http.Request) { r.Host = "evil.example" },
			header("X-Forwarded-Host", "evil.example"),
			header("X-Forwarded-Proto", "ftp"),
			header("Forwarded", "host=evil.example;proto=http"),
			header("Referer", "https://evil.example/"),
		} {
			b.call("POST", "/auth/request_reset", members{"email": "alice@example.com"}, edit).want(200, "")
			m := h.lastMail(mail.ResetPassword, "alice@example.com")
			if !strings.HasPrefix(m.Link, "http://localhost:3000/reset-password#token=") || strings.Contains(m.Text+m.HTML, "evil") {
				t.Errorf("%d: %s", i, m.Link)
			}
		}
		sent := h.countMails(mail.ResetPassword)
		b.call("POST", "/auth/request_reset", members{"email": "alice@example.com"}, header("Origin", "https://evil.example")).want(403, "cross_origin_refused")
		if n := h.countMails(mail.ResetPassword); n != sent {
			t.Errorf("%d mails for a page from elsewhere", n-sent)
		}
		const body = `{"email":"alice@example.com"}`
		status := h.raw(fmt.Sprintf("POST http://evil.example/auth/request_reset HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body))
		m := h.lastMail(mail.ResetPassword, "alice@example.com")
		if n := h.countMails(mail.ResetPassword); status != 200 || n != sent+1 || !strings.HasPrefix(m.Link, "http://localhost:3000/reset-password#token=") || strings.Contains(m.Text+m.HTML, "evil") {
			t.Errorf("%d, %d mails, %s", status, n-sent, m.Link)
		}
	})
}

func TestVerifiedRegistrationTellsStrangersNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		free := b.call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": goodPassword}).want(201, "")
		taken := b.call("POST", "/auth/register", members{"username": "mallory", "email": "ALICE@example.com", "password": "0ther-Password"}).want(201, "")
		if withoutID(free) != withoutID(taken) {
			t.Errorf("a taken address is told:\n%s\n%s", withoutID(free), withoutID(taken))
		}
		if n := h.count("SELECT count(*) FROM users"); n != 1 {
			t.Errorf("%d accounts", n)
		}
		if h.countMails(mail.AlreadyRegistered) != 1 {
			t.Error("the owner is not told")
		}
		b.call("POST", "/auth/register", members{"username": "Alice", "email": "new@example.com", "password": goodPassword}).want(409, "username_taken")

		b.call("POST", "/auth/login", members{"username": "alice", "password": "wrong"}).want(401, "invalid_credentials")
		b.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}).want(403, "email_unverified")
		b.call("POST", "/auth/verify", members{"token": h.mailedToken(mail.VerifyEmail, "alice@example.com")}).want(200, "")
		b.login("alice")
	}, registration("verified"))
}

func TestClosedRegistrationMakesNoAccount(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		before := h.passwords().Hashes()
		a := h.browser().call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": goodPassword})
		if a.want(403, "registration_closed"); h.passwords().Hashes() != before || h.count("SELECT count(*) FROM users") != 0 {
			t.Error("something was done")
		}
	}, registration("closed"))
}

// An account never exists without its mail, nor the mail without the account.
func TestAccountAndMailAreOneTransaction(t *testing.T) {
	failures := map[string]struct{ fail, mend func(h *harness) }{
		"the mail cannot be written": {
			func(h *harness) { h.exec("ALTER TABLE outbox RENAME TO elsewhere") },
			func(h *harness) { h.exec("ALTER TABLE elsewhere RENAME TO outbox") },
		},
		"the account cannot be committed": {func(h *harness) { h.doom("users") }, func(*harness) {}},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				failure.fail(h)
				h.browser().call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": goodPassword}).want(500, "internal_error")
				failure.mend(h)
				accounts, mails := h.count("SELECT count(*) FROM users"), h.count("SELECT count(*) FROM outbox")
				if accounts+mails != 0 {
					t.Errorf("what has failed leaves %d accounts and %d mails", accounts, mails)
				}
			})
		})
	}
}

func TestMailSpeaksTheLanguageOfTheRegistration(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for name, accept := range inOrder(map[string]string{"anna": "de-AT,de;q=0.9,en;q=0.1", "bob": "en-GB", "carl": "xx", "dora": strings.Repeat("de,", 5000)}) {
			h.browser().call("POST", "/auth/register", members{"username": name, "email": name + "@example.com", "password": goodPassword}, header("Accept-Language", accept))
		}
		german, english := h.lastMail(mail.VerifyEmail, "anna@example.com"), h.lastMail(mail.VerifyEmail, "bob@example.com")
		if german.Subject == english.Subject {
			t.Errorf("both are %q", german.Subject)
		}
		// Asked for by somebody else's browser, it still speaks the account's.
		h.browser().call("POST", "/auth/request_reset", members{"email": "anna@example.com"}, header("Accept-Language", "en"))
		if got := h.lastMail(mail.ResetPassword, "anna@example.com"); !strings.Contains(got.Text, "Passwort") {
			t.Errorf("%s", got.Text)
		}
	})
}

func TestMailPreviewIsOfDevelopmentAlone(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		m := h.lastMail(mail.VerifyEmail, "alice@example.com")
		list := string(b.call("GET", "/dev/mail", nil).want(200, "").body)
		if !strings.Contains(list, "alice@example.com") || !strings.Contains(list, "#token=") {
			t.Error("the list lacks the mail")
		}
		page := b.call("GET", fmt.Sprintf("/dev/mail/%d", m.ID), nil).want(200, "")
		if !strings.Contains(string(page.body), "#token=") {
			t.Error("the page lacks the link")
		}
		// What a template has made of a stranger's words runs nothing, and is of no origin.
		policy := page.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none';") || !strings.Contains(policy, "; sandbox ") ||
			strings.Contains(policy, "script") || strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "allow-forms") {
			t.Errorf("the policy of a mail's page is %q", policy)
		}
		b.call("GET", "/dev/mail/99", nil).want(404, "not_found")
		b.call("GET", "/dev/mail/x", nil).want(400, "invalid_fields")
		for _, host := range []string{"evil.example", "evil.example:5001", "localhost.evil.example", "192.0.2.1", ""} {
			for _, path := range []string{"/dev/mail", fmt.Sprintf("/dev/mail/%d", m.ID)} {
				a := b.call("GET", path, nil, func(r *http.Request) { r.Host = host })
				if wanted := map[bool]int{true: 200, false: 404}[host == ""]; a.status != wanted {
					t.Errorf("%s at %q: %d", path, host, a.status)
				}
			}
		}
		proxied := h.another(func(c *config.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
		proxied.browser().call("GET", "/dev/mail", nil, header("X-Forwarded-For", "127.0.0.1")).want(200, "")
		proxied.browser().call("GET", "/dev/mail", nil, header("X-Forwarded-For", "192.0.2.7")).want(404, "not_found")
		production := h.another(inProduction)
		production.browser().call("GET", "/dev/mail", nil).want(404, "not_found")
		production.browser().call("GET", "/dev/mail/1", nil).want(404, "not_found")
	})
}

func TestParallelConfirmationsSucceedOnce(t *testing.T) {
	eachAtOnce(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		token := h.mailedToken(mail.VerifyEmail, "alice@example.com")
		if n := successes(h, 50, func(b *browser, _ int) *answer { return b.call("POST", "/auth/verify", members{"token": token}) }); n != 1 {
			t.Errorf("%d succeed", n)
		}
	})
}

// successes sends n requests at once and counts the 200s; all others must be 400.
func successes(h *harness, n int, send func(b *browser, i int) *answer) int {
	h.t.Helper()
	statuses := make(chan int, n)
	var wait sync.WaitGroup
	for i := range n {
		b := h.browser()
		wait.Go(func() { statuses <- send(b, i).status })
	}
	wait.Wait()
	close(statuses)
	ok := 0
	for status := range statuses {
		switch status {
		case 200:
			ok++
		case 400, 503: // 503 is the gate before the hasher
		default:
			h.t.Errorf("status %d", status)
		}
	}
	return ok
}
