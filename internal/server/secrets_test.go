package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// The passwords of accounts and the secrets of the server appear nowhere in the log, in
// responses or in the database, neither plain nor encoded. That holds for every request that
// uses them, also if it fails. Emails contain their link; the outbox does not.
func TestSecrets_AreNeverLoggedReturnedOrStored(t *testing.T) {
	const key = "Canary-key-5e2d9b7a41c8f3601e2d9b7a41c8f360"
	const first, second, third, wrong = "Canary-Pw1!a8f3", "Canary-Pw2!b7e4", "Canary-Pw3!c6d5", "Canary-Wrong!d5c6"
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		secrets := []string{key, first, second, third, wrong}
		var responses strings.Builder
		b := h.Browser()
		call := func(method, path string, body any) *apptest.Answer {
			a := b.Call(method, path, body, apptest.Header("User-Agent", "a browser"), apptest.Header("Referer", "http://x/"+wrong))
			if value, _, found := strings.Cut(a.Cookie(), "."); found && value != "" {
				secrets = append(secrets, value, a.Cookie())
			}
			a.Header.Del("Set-Cookie")
			fmt.Fprintf(&responses, "%v\n%s\n", a.Header, a.Body)
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
		login(first, first) // password in the wrong field
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
		call("POST", "/auth/request_reset", apptest.Members{"email": "a@example.com"}) // stays in the outbox
		call("DELETE", "/auth/account", apptest.Members{"password": wrong}).Want(401, "current_password_incorrect")
		rows := h.Dump() + h.Trail()
		passwords := h.Passwords()
		h.SetPasswords(nil) // panics
		login("alice", third)
		h.SetPasswords(passwords)
		h.Exec("ALTER TABLE audit_events RENAME TO renamed")
		login("alice", wrong)
		login("alice", third)
		_ = h.DB.Close()
		login("alice", third)
		call("POST", "/auth/reset_password", apptest.Members{"token": reset, "password": third})

		var log strings.Builder // without the lines that show emails to developers
		for line := range strings.Lines(h.Logs.String()) {
			if !strings.Contains(line, `"msg":"mail kept instead of sent"`) {
				log.WriteString(line)
			}
		}
		if len(secrets) < 15 {
			t.Fatalf("got %d secrets, want at least 15", len(secrets))
		}
		for _, secret := range secrets {
			for _, form := range []string{
				secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
				hex.EncodeToString([]byte(secret)), strings.ToLower(secret),
			} {
				for place, text := range map[string]string{"the log": log.String(), "a response": responses.String(), "the database": rows} {
					if strings.Contains(text, form) {
						t.Errorf("%s has the secret %s", place, form)
					}
				}
			}
		}
	}, func(c *config.Config) { c.SecretKey = key })
}

// Values that occur nowhere else. canaryPassword, canaryHeader, canaryCookie and canaryQuery
// must not be in the log, in a response or in the database, whatever happens to a request.
// canaryName and canaryField are visible to the client and must not be in the log. A response
// repeats canaryField because it looks like the name of a field.
const (
	canaryPassword = "Canary-Pw7!f3a9c1"
	canaryHeader   = "canaryheader5b2e"
	canaryCookie   = "canarycookie8d4f"
	canaryQuery    = "canary-query-6a7b"
	canaryName     = "canaryname9e1d"
	canaryField    = "canaryfield2c8e"
)

func TestSecrets_StayPrivateWhenRequestsFail(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.VerifyResponses = true // it also logs what breaks the contract
		secrets := []string{canaryPassword, canaryHeader, canaryCookie, canaryQuery}
		b := h.InProcess()
		send := func(b *apptest.Browser, method, path string, body any, edit ...func(*http.Request)) *apptest.Answer {
			t.Helper()
			a := b.Call(method, path, body, append([]func(*http.Request){
				apptest.Header("Authorization", "Bearer "+canaryHeader), apptest.Header("X-Request-ID", canaryHeader), apptest.Header("Referer", "https://x/"+canaryHeader),
			}, edit...)...)
			a.Header.Del("Set-Cookie")
			for _, secret := range secrets {
				if strings.Contains(string(a.Body), secret) || strings.Contains(apptest.Snapshot(a.Header), secret) {
					t.Errorf("%s: the %d response repeats %s\n%s\n%s", a.What, a.Status, secret, apptest.Snapshot(a.Header), a.Body)
				}
			}
			return a
		}
		account := apptest.Members{"username": canaryName, "email": canaryName + "@example.com", "password": canaryPassword}
		credentials := apptest.Members{"username": canaryName, "password": canaryPassword}
		for i, broken := range brokenBodies(canaryPassword) {
			for _, path := range []string{"/auth/register", "/auth/login"} {
				if a := send(h.InProcess(), "POST", path, broken); a.Status < 400 || a.Status >= 500 {
					t.Errorf("broken body %d to %s: got %d, want 4xx", i, path, a.Status)
				}
			}
		}
		send(b, "POST", "/auth/register", account).Want(201, "")
		send(b, "POST", "/auth/register", account).Want(409, "username_taken")
		cookie := b.Call("POST", "/auth/login", credentials).Want(200, "").Cookie()
		token, signature, _ := strings.Cut(cookie, ".")
		if len(token) < 40 || len(signature) < 40 {
			t.Fatalf("got cookie %q, want a token and a signature", cookie)
		}
		secrets = append(secrets, token, signature)
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			for _, edit := range []func(*http.Request){
				func(*http.Request) {},
				func(r *http.Request) {
					r.URL.RawQuery = "password=" + url.QueryEscape(canaryPassword) + "&" + canaryQuery
				},
				func(r *http.Request) { r.URL.RawQuery = canaryField + "=" + canaryQuery },
				func(r *http.Request) { r.URL.Path += "/" + canaryPassword + cookie },
				func(r *http.Request) { r.Method = "PUT" },
				apptest.Header("Cookie", "session="+canaryCookie), apptest.Header("Cookie", "session="+canaryCookie+"."+signature),
				apptest.Header("Cookie", "session="+cookie+"; session="+canaryCookie), apptest.Header("Cookie", canaryPassword),
				apptest.Header("Origin", "https://"+canaryHeader), apptest.Header("Origin", canaryPassword), apptest.Header("Sec-Fetch-Site", canaryHeader),
				apptest.Header("Content-Type", canaryHeader), apptest.Header("Content-Encoding", canaryPassword),
			} {
				if op.ID != "logout" { // it would end the session
					send(b, op.Method, path, body, apptest.SessionCookie(cookie), edit)
				}
			}
		}
		send(h.Browser(), "POST", "/auth/login", apptest.Members{"username": canaryPassword, "password": canaryPassword}).Want(401, "invalid_credentials")
		send(h.Browser(), "POST", "/auth/login", apptest.Members{"username": canaryName, "password": canaryPassword + "x"}).Want(401, "invalid_credentials")
		rows := h.Dump() + h.Trail()

		// The database rejects a row, a handler panics, the database is closed.
		failUserInserts(h)
		send(b, "POST", "/auth/register", apptest.Members{"username": "x" + canaryName, "email": "x@" + canaryName + ".com", "password": canaryPassword}).Want(500, "internal_error")
		panicking := withoutPasswords(h.StartAnother())
		send(panicking.InProcess(), "POST", "/auth/login", credentials, apptest.SessionCookie(cookie)).Want(500, "internal_error")
		send(b, "POST", "/auth/logout", nil).Want(200, "")
		_ = h.DB.Close()
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			send(b, op.Method, path, body, apptest.SessionCookie(cookie))
		}
		send(b, "POST", "/auth/login", credentials, apptest.SessionCookie(cookie))

		for _, secret := range append(secrets, canaryName, canaryField) {
			if strings.Contains(h.Logs.String(), secret) || strings.Contains(panicking.Logs.String(), secret) {
				t.Errorf("the log has %s", secret)
			}
			if secret != canaryName && strings.Contains(rows, secret) {
				t.Errorf("the database has %s:\n%s", secret, rows)
			}
		}
		if n := h.Violations(); n != 0 {
			t.Errorf("got %d responses that break the contract, want 0", n)
		}
	})
}

// brokenBodies returns bodies that the server rejects, with the secret in every place.
func brokenBodies(secret string) []string {
	s := apptest.Quoted(secret)
	return []string{
		`{"username":` + s + `,"password":` + s,
		`{"username":` + s + `,"password":` + s + `}` + s,
		`{"username":` + s + `,"password":` + s + `,"password":` + s + `}`,
		`{"username":"alice","password":{` + s + `:` + s + `}}`,
		`{"username":"alice","email":[` + s + `],"password":[` + s + `]}`,
		`{"username":{"a":` + s + `},"email":7,"password":true}`,
		`{"username":"alice","email":"a@example.com","password":` + s + `,` + s + `:1}`,
		`{"username":"alice","email":"a@example.com","password":` + s + `,"Password":` + s + `}`,
		`{` + s + `:` + s + `}`,
		`{"username":` + s + `,"email":` + s + `,"password":` + s[:8] + `","x":0}`,
		`{"username":"alice","password":"` + strings.Repeat(secret, 100) + `"}`,
		"{\"username\":\"alice\",\"password\":\"" + secret + "\xff\"}",
		`{"username":"alice","password":"` + secret + `\ud800"}`,
		s, `[` + s + `]`, secret, `null` + secret,
		`{"password":"` + secret + `"` + strings.Repeat(" ", contract.MaxBody) + `}`,
	}
}

// failUserInserts makes the database reject every new account, with an error that the
// server does not expect.
func failUserInserts(h *apptest.Harness) {
	if h.DB.Kind == db.Postgres {
		h.Exec("ALTER TABLE users ADD CONSTRAINT refused CHECK (false) NOT VALID")
		return
	}
	h.Exec("CREATE TRIGGER refused BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'refused'); END")
}
