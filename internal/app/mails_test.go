package app_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// An attacker must not be able to mail text of their choice to an address that is not
// verified: no username, no browser, no other address. A verified owner reads them.
func TestMails_ShowChosenTextOnlyToVerifiedAddresses(t *testing.T) {
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 evil.example/win"
	password := apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}
	origin := []string{"Firefox, Linux", "127.0.0.1", "1 March 2026, 09:30 UTC"}
	kinds := map[mail.Kind]struct {
		mode  string
		to    string // empty: the account's own address
		cause func(h *apptest.Harness, b *apptest.Browser)
		// The text that a verified recipient reads; none for a link that verifies its
		// recipient.
		shows []string
	}{
		mail.VerifyEmail: {cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/resend_verification", apptest.Members{"email": "victim@example.com"}).Want(200, "")
		}},
		mail.ResetPassword: {shows: []string{"evil.name"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": "victim@example.com"}).Want(200, "")
		}},
		mail.PasswordReset: {shows: append([]string{"evil.name"}, origin...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/request_reset", apptest.Members{"email": "victim@example.com"}).Want(200, "")
			token := h.MailedToken(mail.ResetPassword, "victim@example.com")
			b.Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.PasswordChanged: {shows: append([]string{"evil.name"}, origin...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("PUT", "/auth/change_password", password, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.EmailChanged: {shows: append([]string{"evil.name", "x***@evil.example"}, origin...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x@evil.example"}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.UsernameChanged: {shows: append([]string{"evil.next"}, origin...), cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("PUT", "/auth/update_profile", apptest.Members{"username": "evil.next"}, apptest.Header("User-Agent", firefox)).Want(200, "")
		}},
		mail.LoginAfterFailures: {shows: []string{"evil.name", "Firefox, Linux"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
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
		mail.AlreadyRegistered: {mode: "verified", shows: []string{"evil.name"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
			b.Call("POST", "/auth/register", apptest.Members{"username": "evil.other", "email": "victim@example.com", "password": apptest.GoodPassword}, apptest.Header("User-Agent", firefox)).Want(201, "")
		}},
		mail.AddressInUse: {mode: "verified", shows: []string{"evil.name"}, cause: func(h *apptest.Harness, b *apptest.Browser) {
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
			continue // an administrator chooses its text
		}
		test, ok := kinds[kind]
		if !ok {
			t.Errorf("the test lacks the mail %s", kind)
			continue
		}
		for _, verified := range []bool{false, true} {
			if verified && len(test.shows) == 0 && kind != mail.ConfirmEmail {
				continue
			}
			t.Run(fmt.Sprintf("%s verified %v", kind, verified), func(t *testing.T) {
				apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
					b := h.Browser()
					b.Call("POST", "/auth/register", apptest.Members{"username": "evil.name", "email": "victim@example.com", "password": apptest.GoodPassword}).Want(201, "")
					b.Login("evil.name")
					if verified {
						h.Exec("UPDATE users SET email_verified_at = created_at")
					}
					if test.mode != "" {
						h.Accounts.Registration = test.mode
					}
					test.cause(h, b)
					m := h.LastMail(kind, cmp.Or(test.to, "victim@example.com"))
					text := m.Subject + m.Text + m.HTML
					// A reset verifies the address: its mail was read.
					if verified || kind == mail.PasswordReset {
						for _, word := range test.shows {
							if !strings.Contains(m.Text, word) || !strings.Contains(m.HTML, word) {
								t.Errorf("the mail lacks %q:\n%s\n%s", word, m.Text, m.HTML)
							}
							text = strings.ReplaceAll(text, word, "")
						}
					}
					if strings.Contains(text, "evil") || strings.Contains(text, "Firefox") {
						t.Errorf("the mail contains text of the attacker's choice:\n%s", m.Text)
					}
				})
			})
		}
	}
}
