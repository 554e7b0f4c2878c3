package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

// Whatever is done with them and however it fails, none of the secrets that
// people and the server have is in the log, in an answer, or anywhere in the
// database, as it is or encoded. A mail has its link; the outbox has not.
func TestNoSecretIsWrittenDownAnywhere(t *testing.T) {
	const key = "Canary-key-5e2d9b7a41c8f3601e2d9b7a41c8f360"
	const first, second, third, wrong = "Canary-Pw1!a8f3", "Canary-Pw2!b7e4", "Canary-Pw3!c6d5", "Canary-Wrong!d5c6"
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		secrets := []string{key, first, second, third, wrong}
		var answers strings.Builder
		b := h.Browser()
		call := func(method, path string, body any) *apptest.Answer {
			a := b.Call(method, path, body, apptest.Header("User-Agent", "a browser"), apptest.Header("Referer", "http://x/"+wrong))
			if value, _, found := strings.Cut(a.Cookie(), "."); found && value != "" {
				secrets = append(secrets, value, a.Cookie())
			}
			a.Header.Del("Set-Cookie")
			fmt.Fprintf(&answers, "%v\n%s\n", a.Header, a.Body)
			return a
		}
		mailed := func(kind mail.Kind, to string) string {
			token := h.MailedToken(kind, to)
			secrets = append(secrets, token)
			return token
		}
		login := func(name, password string) {
			call("POST", "/auth/login", apptest.Members{"username": name, "password": password})
		}
		call("POST", "/auth/register", apptest.Members{"username": wrong, "email": "alice@example.com", "password": first})
		call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": first}).Want(201, "")
		call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": second})
		login("alice", first)
		login(first, first) // typed into the wrong field
		login(first+"@example.com", first)
		login("alice", wrong)
		verify := mailed(mail.VerifyEmail, "alice@example.com")
		call("POST", "/auth/confirm_email", apptest.Members{"token": verify}).Want(400, "invalid_token")
		call("POST", "/auth/verify", apptest.Members{"token": verify}).Want(200, "")
		call("GET", "/auth/verify/"+verify, nil).Want(400, "invalid_token")
		call("POST", "/auth/reauthenticate", apptest.Members{"password": wrong}).Want(401, "current_password_incorrect")
		call("POST", "/auth/reauthenticate", apptest.Members{"password": first}).Want(200, "")
		call("PUT", "/auth/update_profile", apptest.Members{"email": "a@example.com", "current_password": wrong}).Want(401, "current_password_incorrect")
		call("PUT", "/auth/update_profile", apptest.Members{"email": "a@example.com", "current_password": first}).Want(200, "")
		call("PUT", "/auth/change_password", apptest.Members{"current_password": wrong, "new_password": second}).Want(401, "current_password_incorrect")
		call("PUT", "/auth/change_password", apptest.Members{"current_password": first, "new_password": second}).Want(200, "")
		call("PUT", "/auth/change_password", apptest.Members{"current_password": second, "new_password": second, "x": wrong}).Want(400, "invalid_fields")
		call("POST", "/auth/request_reset", apptest.Members{"email": "a@example.com"}).Want(200, "")
		replaced := mailed(mail.ResetPassword, "a@example.com")
		h.Clock.Advance(time.Second)
		call("POST", "/auth/request_reset", apptest.Members{"email": "a@example.com"}).Want(200, "")
		reset := mailed(mail.ResetPassword, "a@example.com")
		call("POST", "/auth/reset_password", apptest.Members{"token": replaced, "password": wrong}).Want(400, "invalid_token")
		call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": third}).Want(200, "")
		call("POST", "/auth/reset_password/"+reset, apptest.Members{"password": wrong}).Want(400, "invalid_token")
		call("POST", "/auth/reset_password/"+reset+"x", apptest.Members{"password": wrong})
		login("alice", third)
		call("GET", "/auth/activity", nil).Want(200, "")
		call("GET", "/auth/export", nil).Want(200, "")
		call("POST", "/auth/request_reset", apptest.Members{"email": "a@example.com"}) // waits in the outbox
		call("DELETE", "/auth/account", apptest.Members{"password": wrong}).Want(401, "current_password_incorrect")
		rows := h.Dump() + h.Trail()
		passwords := h.Passwords()
		h.SetPasswords(nil) // panics
		login("alice", third)
		h.SetPasswords(passwords)
		h.Exec("ALTER TABLE audit_events RENAME TO away")
		login("alice", wrong)
		login("alice", third)
		_ = h.DB.Close()
		login("alice", third)
		call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": third})

		var log strings.Builder // without what shows developers their mails
		for line := range strings.Lines(h.Logs.String()) {
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
