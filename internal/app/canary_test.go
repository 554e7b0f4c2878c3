package app_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

// Whatever is done with them and however it fails, none of the secrets that
// people and the server have is in the log, in an answer, or anywhere in the
// database, as it is or encoded. A mail has its link; the outbox has not.
func TestNoSecretIsWrittenDownAnywhere(t *testing.T) {
	const key = "Canary-key-5e2d9b7a41c8f3601e2d9b7a41c8f360"
	const first, second, third, wrong = "Canary-Pw1!a8f3", "Canary-Pw2!b7e4", "Canary-Pw3!c6d5", "Canary-Wrong!d5c6"
	each(t, func(t *testing.T, h *harness) {
		secrets := []string{key, first, second, third, wrong}
		var answers strings.Builder
		b := h.browser()
		call := func(method, path string, body any) *answer {
			a := b.call(method, path, body, header("User-Agent", "a browser"), header("Referer", "http://x/"+wrong))
			if value, _, found := strings.Cut(a.cookie(), "."); found && value != "" {
				secrets = append(secrets, value, a.cookie())
			}
			a.header.Del("Set-Cookie")
			fmt.Fprintf(&answers, "%v\n%s\n", a.header, a.body)
			return a
		}
		mailed := func(kind mail.Kind, to string) string {
			token := h.mailedToken(kind, to)
			secrets = append(secrets, token)
			return token
		}
		login := func(name, password string) {
			call("POST", "/auth/login", members{"username": name, "password": password})
		}
		call("POST", "/auth/register", members{"username": wrong, "email": "alice@example.com", "password": first})
		call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": first}).want(201, "")
		call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": second})
		login("alice", first)
		login(first, first) // typed into the wrong field
		login(first+"@example.com", first)
		login("alice", wrong)
		verify := mailed(mail.VerifyEmail, "alice@example.com")
		call("POST", "/auth/confirm_email", members{"token": verify}).want(400, "invalid_token")
		call("POST", "/auth/verify", members{"token": verify}).want(200, "")
		call("GET", "/auth/verify/"+verify, nil).want(400, "invalid_token")
		call("POST", "/auth/reauthenticate", members{"password": wrong}).want(401, "current_password_incorrect")
		call("POST", "/auth/reauthenticate", members{"password": first}).want(200, "")
		call("PUT", "/auth/update_profile", members{"email": "a@example.com", "current_password": wrong}).want(401, "current_password_incorrect")
		call("PUT", "/auth/update_profile", members{"email": "a@example.com", "current_password": first}).want(200, "")
		call("PUT", "/auth/change_password", members{"current_password": wrong, "new_password": second}).want(401, "current_password_incorrect")
		call("PUT", "/auth/change_password", members{"current_password": first, "new_password": second}).want(200, "")
		call("PUT", "/auth/change_password", members{"current_password": second, "new_password": second, "x": wrong}).want(400, "invalid_fields")
		call("POST", "/auth/request_reset", members{"email": "a@example.com"}).want(200, "")
		replaced := mailed(mail.ResetPassword, "a@example.com")
		h.clock.advance(time.Second)
		call("POST", "/auth/request_reset", members{"email": "a@example.com"}).want(200, "")
		reset := mailed(mail.ResetPassword, "a@example.com")
		call("POST", "/auth/reset_password", members{"token": replaced, "password": wrong}).want(400, "invalid_token")
		call("POST", "/auth/reset_password", members{"token": reset, "password": third}).want(200, "")
		call("POST", "/auth/reset_password/"+reset, members{"password": wrong}).want(400, "invalid_token")
		call("POST", "/auth/reset_password/"+reset+"x", members{"password": wrong})
		login("alice", third)
		call("GET", "/auth/activity", nil).want(200, "")
		call("GET", "/auth/export", nil).want(200, "")
		call("POST", "/auth/request_reset", members{"email": "a@example.com"}) // waits in the outbox
		call("DELETE", "/auth/account", members{"password": wrong}).want(401, "current_password_incorrect")
		rows := h.dump() + h.trail()
		passwords := h.passwords()
		h.setPasswords(nil) // panics
		login("alice", third)
		h.setPasswords(passwords)
		h.exec("ALTER TABLE audit_events RENAME TO away")
		login("alice", wrong)
		login("alice", third)
		_ = h.DB.Close()
		login("alice", third)
		call("POST", "/auth/reset_password", members{"token": reset, "password": third})

		var log strings.Builder // without what shows developers their mails
		for line := range strings.Lines(h.logs.String()) {
			if !strings.Contains(line, `"msg":"mail kept instead of sent"`) {
				log.WriteString(line)
			}
		}
		if len(secrets) < 15 {
			t.Fatalf("only %d secrets", len(secrets))
		}
		for _, secret := range secrets {
			for _, form := range []string{
				secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
				hex.EncodeToString([]byte(secret)), strings.ToLower(secret),
			} {
				for where, text := range map[string]string{"the log": log.String(), "an answer": answers.String(), "the database": rows} {
					if strings.Contains(text, form) {
						t.Errorf("%s is in %s", form, where)
					}
				}
			}
		}
	}, func(c *config.Config) { c.SecretKey = key })
}
