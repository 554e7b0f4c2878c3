package app_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail"
)

// confirmEverybody stands for the links that they have all used.
func (h *harness) confirmEverybody() {
	h.t.Helper()
	h.exec("UPDATE users SET email_verified_at = $1", h.clock.Now())
	h.drain()
}

// Whoever asks for an address that somebody else has asked for stops nobody:
// the link that is used first decides.
func TestAnAddressAskedForTwiceIsAskedForByBoth(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		alice, mallory := h.browser(), h.browser()
		alice.register("alice")
		mallory.register("mallory")
		h.confirmEverybody()
		alice.login("alice")
		mallory.login("mallory")
		alice.updateProfile(members{"email": "alice@new.example"}).want(200, "")
		mallory.updateProfile(members{"email": "alice@new.example"}).want(200, "")
		var tokens []string
		for _, m := range h.mails() {
			if _, token, ok := strings.Cut(m.Link, "#token="); ok && m.To == "alice@new.example" {
				tokens = append(tokens, token)
			}
		}
		if len(tokens) != 2 {
			t.Fatalf("%d links", len(tokens))
		}
		b := h.browser()
		b.call("POST", "/auth/confirm_email", members{"token": tokens[0]}).want(200, "")
		b.call("POST", "/auth/confirm_email", members{"token": tokens[1]}).want(409, "email_taken")
	}, registration("verified"))
}

// However often strangers register with somebody's address, one mail waits for
// the owner, and the queue's bound holds.
func TestRegistrationsWithATakenAddressPileNothingUp(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("victim")
		h.confirmEverybody()
		h.Mail.MaxPending = 10
		for i := range 40 {
			b.call("POST", "/auth/register", members{"username": fmt.Sprintf("name%d", i), "email": "Victim@example.com", "password": goodPassword},
				header("User-Agent", "Stranger/1.0")).want(201, "")
		}
		if got := h.queued(); !slices.Equal(got, []string{"already_registered to Victim@example.com"}) {
			t.Errorf("these mails wait: %v", got)
		}
		m := h.lastMail(mail.AlreadyRegistered, "victim@example.com")
		if strings.Contains(m.Text+m.HTML, "127.0.0.1") || strings.Contains(m.Text+m.HTML, "Stranger") {
			t.Errorf("the mail tells the owner who the stranger is:\n%s", m.Text)
		}
		for i := range 10 {
			b.call("POST", "/auth/request_reset", members{"email": fmt.Sprintf("nobody%d@example.com", i)}).want(200, "")
		}
		b.call("POST", "/auth/register", members{"username": "another", "email": "victim@example.com", "password": goodPassword}).want(201, "")
		if n := h.count("SELECT count(*) FROM outbox"); n != 10 {
			t.Errorf("%d mails wait with a bound of ten", n)
		}
	}, registration("verified"))
}

// The answer to a change of address is the same for a free and a taken one, and
// so is all that the caller can read about it afterwards.
func TestExportDoesNotTellWhoHasAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("victim")
		b.register("mallory")
		h.confirmEverybody()
		b.login("mallory")
		h.exec("DELETE FROM audit_events")
		export := func() string {
			body := string(b.call("GET", "/auth/export", nil).want(200, "").body)
			body = regexp.MustCompile(`("id":)\d+|[A-Z2-7]{26}`).ReplaceAllString(body, "$1")
			return strings.ReplaceAll(body, "nobody@", "victim@")
		}
		seen := map[string][2]string{}
		for _, to := range []string{"victim@example.com", "nobody@example.com"} {
			b.updateProfile(members{"email": to}).want(200, "")
			before := export()
			h.mails()
			seen[to] = [2]string{before, export()}
			h.exec("DELETE FROM tokens")
			h.exec("DELETE FROM audit_events") // of this round
		}
		if taken, free := seen["victim@example.com"], seen["nobody@example.com"]; taken != free {
			t.Errorf("taken: %s\n%s\nfree:  %s\n%s", taken[0], taken[1], free[0], free[1])
		}
		if !strings.Contains(seen["victim@example.com"][1], "change_email") {
			t.Error("nothing of it is stored: the test has nothing to compare")
		}
		if h.lastMail(mail.AddressInUse, "victim@example.com").Link != "" {
			t.Error("the owner gets a link to somebody else's account")
		}
	}, registration("verified"))
}

// Nobody can have us mail words of their choice to an address that has not shown
// to be theirs: no name, no browser, no other address. A confirmed one is told.
func TestMailsSayWhatSomebodyHasTypedToTheOwnerAlone(t *testing.T) {
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 evil.example/win"
	password := members{"current_password": goodPassword, "new_password": newPassword}
	from := []string{"Firefox, Linux", "127.0.0.1", "1 March 2026, 09:30 UTC"}
	kinds := map[mail.Kind]struct {
		mode  string
		to    string // empty: the account's own address
		cause func(h *harness, b *browser)
		// What a confirmed recipient reads; the recipient of a link that
		// confirms something never is one.
		says []string
	}{
		mail.VerifyEmail: {cause: func(h *harness, b *browser) {
			b.call("POST", "/auth/resend_verification", members{"email": "victim@example.com"}).want(200, "")
		}},
		mail.ResetPassword: {says: []string{"evil.name"}, cause: func(h *harness, b *browser) {
			b.call("POST", "/auth/request_reset", members{"email": "victim@example.com"}).want(200, "")
		}},
		mail.PasswordReset: {says: append([]string{"evil.name"}, from...), cause: func(h *harness, b *browser) {
			b.call("POST", "/auth/request_reset", members{"email": "victim@example.com"}).want(200, "")
			token := h.mailedToken(mail.ResetPassword, "victim@example.com")
			b.call("POST", "/auth/reset_password", members{"token": token, "password": newPassword}, header("User-Agent", firefox)).want(200, "")
		}},
		mail.PasswordChanged: {says: append([]string{"evil.name"}, from...), cause: func(h *harness, b *browser) {
			b.call("PUT", "/auth/change_password", password, header("User-Agent", firefox)).want(200, "")
		}},
		mail.EmailChanged: {says: append([]string{"evil.name", "x***@evil.example"}, from...), cause: func(h *harness, b *browser) {
			b.call("PUT", "/auth/update_profile", members{"email": "x@evil.example"}, header("User-Agent", firefox)).want(200, "")
		}},
		mail.UsernameChanged: {says: append([]string{"evil.next"}, from...), cause: func(h *harness, b *browser) {
			b.call("PUT", "/auth/update_profile", members{"username": "evil.next"}, header("User-Agent", firefox)).want(200, "")
		}},
		mail.LoginAfterFailures: {says: []string{"evil.name", "Firefox, Linux"}, cause: func(h *harness, b *browser) {
			h.countAttempts()
			for range 5 {
				b.call("POST", "/auth/login", wrong("evil.name")).want(401, "invalid_credentials")
			}
			h.clock.advance(time.Second)
			b.call("POST", "/auth/login", members{"username": "evil.name", "password": goodPassword}, header("User-Agent", firefox)).want(200, "")
		}},
		mail.ConfirmEmail: {mode: "verified", to: "other@example.com", cause: func(h *harness, b *browser) {
			b.call("PUT", "/auth/update_profile", members{"email": "other@example.com"}, header("User-Agent", firefox)).want(200, "")
		}},
		mail.AlreadyRegistered: {mode: "verified", says: []string{"evil.name"}, cause: func(h *harness, b *browser) {
			b.call("POST", "/auth/register", members{"username": "evil.other", "email": "victim@example.com", "password": goodPassword}, header("User-Agent", firefox)).want(201, "")
		}},
		mail.AddressInUse: {mode: "verified", says: []string{"evil.name"}, cause: func(h *harness, b *browser) {
			other := h.browser()
			h.Accounts.Registration = "open"
			other.register("evil.other")
			other.login("evil.other")
			h.Accounts.Registration = "verified"
			other.call("PUT", "/auth/update_profile", members{"email": "victim@example.com"}, header("User-Agent", firefox)).want(200, "")
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
				each(t, func(t *testing.T, h *harness) {
					b := h.browser()
					b.call("POST", "/auth/register", members{"username": "evil.name", "email": "victim@example.com", "password": goodPassword}).want(201, "")
					b.login("evil.name")
					if confirmed {
						h.exec("UPDATE users SET email_verified_at = created_at")
					}
					if test.mode != "" {
						h.Accounts.Registration = test.mode
					}
					test.cause(h, b)
					m := h.lastMail(kind, cmp.Or(test.to, "victim@example.com"))
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		h.drain()
		h.browser().call("POST", "/auth/request_reset", members{"email": "alice@example.com"}, header("User-Agent", "Stranger/1.0")).want(200, "")
		why := func(change string) any {
			h.exec("UPDATE outbox SET " + change)
			a := b.call("GET", "/auth/export", nil).want(200, "")
			mails := quoted(a.json()["mails"])
			for _, secret := range []string{"450", "Stranger", "127.0.0.1", "request_id"} {
				if strings.Contains(mails, secret) {
					t.Errorf("it says %s: %s", secret, mails)
				}
			}
			return a.json()["mails"].([]any)[0].(map[string]any)["last_error"]
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
