package registration_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// Whoever asks for an address that somebody else has asked for stops nobody:
// the link that is used first decides.
func TestAnAddressAskedForTwiceIsAskedForByBoth(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		alice, mallory := h.Browser(), h.Browser()
		alice.Register("alice")
		mallory.Register("mallory")
		h.ConfirmAll()
		alice.Login("alice")
		mallory.Login("mallory")
		alice.UpdateProfile(apptest.Members{"email": "alice@new.example"}).Want(200, "")
		mallory.UpdateProfile(apptest.Members{"email": "alice@new.example"}).Want(200, "")
		var tokens []string
		for _, m := range h.Mails() {
			if _, token, ok := strings.Cut(m.Link, "#token="); ok && m.To == "alice@new.example" {
				tokens = append(tokens, token)
			}
		}
		if len(tokens) != 2 {
			t.Fatalf("%d links", len(tokens))
		}
		b := h.Browser()
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": tokens[0]}).Want(200, "")
		b.Call("POST", "/auth/confirm_email", apptest.Members{"token": tokens[1]}).Want(409, "email_taken")
	}, apptest.WithRegistration("verified"))
}

// However often strangers register with somebody's address, one mail waits for
// the owner, and the queue's bound holds.
func TestRegistrationsWithATakenAddressPileNothingUp(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("victim")
		h.ConfirmAll()
		h.Mail.MaxPending = 10
		for i := range 40 {
			b.Call("POST", "/auth/register", apptest.Members{"username": fmt.Sprintf("name%d", i), "email": "Victim@example.com", "password": apptest.GoodPassword},
				apptest.Header("User-Agent", "Stranger/1.0")).Want(201, "")
		}
		if got := h.Queued(); !slices.Equal(got, []string{"already_registered to Victim@example.com"}) {
			t.Errorf("these mails wait: %v", got)
		}
		m := h.LastMail(mail.AlreadyRegistered, "victim@example.com")
		if strings.Contains(m.Text+m.HTML, "127.0.0.1") || strings.Contains(m.Text+m.HTML, "Stranger") {
			t.Errorf("the mail tells the owner who the stranger is:\n%s", m.Text)
		}
		for i := range 10 {
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": fmt.Sprintf("nobody%d@example.com", i)}).Want(200, "")
		}
		b.Call("POST", "/auth/register", apptest.Members{"username": "another", "email": "victim@example.com", "password": apptest.GoodPassword}).Want(201, "")
		if n := h.Count("SELECT count(*) FROM outbox"); n != 10 {
			t.Errorf("%d mails wait with a bound of ten", n)
		}
	}, apptest.WithRegistration("verified"))
}

// The answer to a change of address is the same for a free and a taken one, and
// so is all that the caller can read about it afterwards.
func TestExportDoesNotTellWhoHasAccounts(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("victim")
		b.Register("mallory")
		h.ConfirmAll()
		b.Login("mallory")
		h.Exec("DELETE FROM audit_events")
		export := func() string {
			body := string(b.Call("GET", "/auth/export", nil).Want(200, "").Body)
			body = regexp.MustCompile(`("id":)\d+|[A-Z2-7]{26}`).ReplaceAllString(body, "$1")
			return strings.ReplaceAll(body, "nobody@", "victim@")
		}
		seen := map[string][2]string{}
		for _, to := range []string{"victim@example.com", "nobody@example.com"} {
			b.UpdateProfile(apptest.Members{"email": to}).Want(200, "")
			before := export()
			h.Mails()
			seen[to] = [2]string{before, export()}
			h.Exec("DELETE FROM tokens")
			h.Exec("DELETE FROM audit_events") // of this round
		}
		if taken, free := seen["victim@example.com"], seen["nobody@example.com"]; taken != free {
			t.Errorf("taken: %s\n%s\nfree:  %s\n%s", taken[0], taken[1], free[0], free[1])
		}
		if !strings.Contains(seen["victim@example.com"][1], "change_email") {
			t.Error("nothing of it is stored: the test has nothing to compare")
		}
		if h.LastMail(mail.AddressInUse, "victim@example.com").Link != "" {
			t.Error("the owner gets a link to somebody else's account")
		}
	}, apptest.WithRegistration("verified"))
}

// Nobody can have us mail words of their choice to an address that has not shown
// to be theirs: no name, no browser, no other address. A confirmed one is told.
func TestMailsSayWhatSomebodyHasTypedToTheOwnerAlone(t *testing.T) {
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 evil.example/win"
	password := apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}
	from := []string{"Firefox, Linux", "127.0.0.1", "1 March 2026, 09:30 UTC"}
	kinds := map[mail.Kind]struct {
		mode  string
		to    string // empty: the account's own address
		cause func(h *apptest.Harness, b *apptest.Browser)
		// What a confirmed recipient reads; the recipient of a link that
		// confirms something never is one.
		says []string
	}{
		mail.VerifyEmail: {cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/resend_verification", apptest.Members{"email": "victim@example.com"}).Want(200, "")
		}},
		mail.ResetPassword: {says: []string{"evil.name"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": "victim@example.com"}).Want(200, "")
		}},
		mail.PasswordReset: {says: append([]string{"evil.name"}, from...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": "victim@example.com"}).Want(200, "")
			token := h.MailedToken(mail.ResetPassword, "victim@example.com")
			b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.PasswordChanged: {says: append([]string{"evil.name"}, from...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("PUT", "/auth/change_password", password, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.EmailChanged: {says: append([]string{"evil.name", "x***@evil.example"}, from...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x@evil.example"}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.UsernameChanged: {says: append([]string{"evil.next"}, from...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("PUT", "/auth/update_profile", apptest.Members{"username": "evil.next"}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.LoginAfterFailures: {says: []string{"evil.name", "Firefox, Linux"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
			h.CountAttempts()
			for range 5 {
				b.Call("POST", "/auth/login", apptest.WrongLogin("evil.name")).Want(401, "invalid_credentials")
			}
			h.Clock.Advance(time.Second)
			b.Call("POST", "/auth/login", apptest.Members{"username": "evil.name", "password": apptest.GoodPassword}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.ConfirmEmail: {mode: "verified", to: "other@example.com", cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("PUT", "/auth/update_profile", apptest.Members{"email": "other@example.com"}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.AlreadyRegistered: {mode: "verified", says: []string{"evil.name"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/register", apptest.Members{"username": "evil.other", "email": "victim@example.com", "password": apptest.GoodPassword}, apptest.Header("User-Agent", firefox)).Want(201, "")
		}},
		mail.AddressInUse: {mode: "verified", says: []string{"evil.name"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
			other := h.Browser()
			h.Accounts.Registration = "open"
			other.Register("evil.other")
			other.Login("evil.other")
			h.Accounts.Registration = "verified"
			other.Call("PUT", "/auth/update_profile", apptest.Members{"email": "victim@example.com"}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
	}
	for _, kind := range mail.Kinds {
		if kind == mail.Invitation {
			continue // in the words of an administrator
		}
		test, ok := kinds[kind]
		if !ok {
			t.Errorf("%s is not tried", kind)
			continue
		}
		for _, confirmed := range []bool{false, true} {
			if confirmed && len(test.says) == 0 && kind != mail.ConfirmEmail {
				continue
			}
			t.Run(fmt.Sprintf("%s, confirmed %v", kind, confirmed), func(t *testing.T) {
				apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
					b := h.Browser()
					b.Call("POST", "/auth/register", apptest.Members{"username": "evil.name", "email": "victim@example.com", "password": apptest.GoodPassword}).Want(201, "")
					b.Login("evil.name")
					if confirmed {
						h.Exec("UPDATE users SET email_verified_at = created_at")
					}
					if test.mode != "" {
						h.Accounts.Registration = test.mode
					}
					test.cause(h, b)
					m := h.LastMail(kind, cmp.Or(test.to, "victim@example.com"))
					text := m.Subject + m.Text + m.HTML
					// Whoever resets the password has read the mail: it is confirmed.
					if confirmed || kind == mail.PasswordReset {
						for _, word := range test.says {
							if !strings.Contains(m.Text, word) || !strings.Contains(m.HTML, word) {
								t.Errorf("it does not say %q:\n%s\n%s", word, m.Text, m.HTML)
							}
							text = strings.ReplaceAll(text, word, "")
						}
					}
					if strings.Contains(text, "evil") || strings.Contains(text, "Firefox") {
						t.Errorf("it says a stranger's words:\n%s", m.Text)
					}
				})
			})
		}
	}
}

// The export says in a word why a mail waits, not what a mail server has said, and
// not where a stranger was who has asked for it.
func TestExportTellsNothingOfOthersAboutMails(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Drain()
		h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}, apptest.Header("User-Agent", "Stranger/1.0")).Want(200, "")
		why := func(change string) any {
			h.Exec("UPDATE outbox SET " + change)
			a := b.Call("GET", "/auth/export", nil).Want(200, "")
			mails := apptest.Quoted(a.JSON()["mails"])
			for _, secret := range []string{"450", "Stranger", "127.0.0.1", "request_id"} {
				if strings.Contains(mails, secret) {
					t.Errorf("it says %s: %s", secret, mails)
				}
			}
			return a.JSON()["mails"].([]any)[0].(map[string]any)["last_error"]
		}
		for _, mail := range []struct {
			change string
			word   any
		}{
			{"last_error = NULL", nil},
			{"last_error = '450 alice@example.com is not liked', unreachable = FALSE", "deferred"},
			{"last_error = '450 dial tcp 10.0.0.1', unreachable = TRUE", "unreachable"},
			{"dead_at = created_at", "given_up"},
		} {
			if got := why(mail.change); got != mail.word {
				t.Errorf("%s: %v", mail.change, got)
			}
		}
	})
}
