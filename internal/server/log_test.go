package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// hostile is what log injection is made of: a second line, a second object, a
// terminal's control sequences, bytes that end the reader.
var hostile = map[string]string{
	"line break":       "x\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n",
	"terminal control": "\x1b[2K\x1b[31mforged\x1b]0;forged\x07",
	"quotes":           `forged","msg":"forged"},{"msg":"forged\`,
	"10 KiB":           strings.Repeat("forged--", 1280),
	"invalid UTF-8":    "forged\xff\xfe\xc0\xaf\xed\xa0\x80",
	"NUL and DEL":      "forged\x00\x7f",
	"line separators":  "forged\u2028\u2029\u0085",
	"reversed":         "\u202eforged\u2066",
	"a format":         "forged%s%n%!d(MISSING){{.}}${jndi:ldap://x}",
}

// Each request is one line of JSON with the same fields, whatever was sent, and
// so is each event. What was sent is not in them, so there is nothing to escape;
// the name that the client goes by is, as plain ASCII.
func TestNothingThatIsSentCanForgeALineOfTheLog(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.InProcess()
		b.Register("alice")
		b.Call("GET", "/healthz", nil, apptest.Header("X-Forwarded-For", "192.0.2.1")) // which is warned of once
		ways := map[string]func(text string) *apptest.Answer{
			"path": func(text string) *apptest.Answer {
				return b.Call("GET", "/", nil, func(r *http.Request) { r.URL.Path = "/auth/" + text })
			},
			"path of a file": func(text string) *apptest.Answer {
				return b.Call("GET", "/", nil, func(r *http.Request) { r.URL.Path = "/docs/" + text })
			},
			"query": func(text string) *apptest.Answer {
				return b.Call("GET", "/auth/current_user", nil, func(r *http.Request) { r.URL.RawQuery = "a=" + text })
			},
			"method": func(text string) *apptest.Answer {
				return b.Call("GET", "/auth/login", nil, func(r *http.Request) { r.Method = "X" + text })
			},
			"User-Agent": func(text string) *apptest.Answer {
				return b.Call("GET", "/healthz", nil, apptest.Header("User-Agent", text))
			},
			"X-Forwarded-For": func(text string) *apptest.Answer {
				return b.Call("GET", "/healthz", nil, apptest.Header("X-Forwarded-For", text))
			},
			"X-Request-ID": func(text string) *apptest.Answer {
				return b.Call("GET", "/healthz", nil, apptest.Header("X-Request-ID", text))
			},
			"Origin": func(text string) *apptest.Answer {
				return b.Call("GET", "/healthz", nil, apptest.Header("Origin", text))
			},
			"Sec-Fetch-Site": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/logout", nil, apptest.Header("Sec-Fetch-Site", text))
			},
			"Host": func(text string) *apptest.Answer {
				return b.Call("GET", "/", nil, func(r *http.Request) { r.Host = text })
			},
			"Content-Type": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", "{}", apptest.Header("Content-Type", text))
			},
			"cookie": func(text string) *apptest.Answer {
				return b.Call("GET", "/auth/profile", nil, apptest.SessionCookie(text))
			},
			"cookie's name": func(text string) *apptest.Answer {
				return b.Call("GET", "/auth/profile", nil, apptest.Header("Cookie", text+"=x"))
			},
			"peer": func(text string) *apptest.Answer {
				return b.Call("GET", "/healthz", nil, func(r *http.Request) { r.RemoteAddr = text + ":1" })
			},
			"username at login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", apptest.Members{"username": text, "password": "x"})
			},
			"e-mail at login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", apptest.Members{"username": text + "@example.com", "password": "x"})
			},
			"raw bytes at login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", `{"username":"`+text+`","password":"x"}`)
			},
			"registration": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/register", apptest.Members{"username": text, "email": text, "password": text})
			},
			"member's name": func(text string) *apptest.Answer { return b.Call("POST", "/auth/login", apptest.Members{text: text}) },
			"user agent of a login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.Header("User-Agent", text))
			},
		}
		for where, send := range apptest.InOrder(ways) {
			for what, text := range apptest.InOrder(hostile) {
				before := h.Logs.String()
				a := send(text)
				logged := strings.TrimPrefix(h.Logs.String(), before)
				if a.Status >= 500 {
					t.Errorf("%s in the %s: %d", what, where, a.Status)
				}
				events := strings.Count(logged, `"msg":"audit"`)
				if quotes := strings.Contains(logged, "forged"); quotes && (events == 0 || !strings.HasPrefix(where, "user agent")) {
					t.Errorf("%s in the %s is repeated by %q", what, where, logged)
				}
				if strings.Count(logged, "\n") != 1+events || len(logged) > 3000 || !utf8.ValidString(logged) ||
					strings.ContainsFunc(strings.ReplaceAll(logged, "\n", ""), func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("%s in the %s is logged as %q", what, where, logged)
				}
			}
		}
		for _, line := range h.Logs.Requests(t) {
			wholeLine(t, line)
		}
	})
}

// wholeLine checks that a line about a request says when, what, from where and
// how it ended.
func wholeLine(t *testing.T, line map[string]any) {
	t.Helper()
	for _, name := range []string{"level", "request_id", "method", "route", "ip"} {
		if text, ok := line[name].(string); !ok || text == "" && name != "ip" {
			t.Errorf("%s is missing: %v", name, line)
		}
	}
	for _, name := range []string{"status", "duration_ms"} {
		if _, ok := line[name].(float64); !ok {
			t.Errorf("%s is missing: %v", name, line)
		}
	}
	if at, ok := line["time"].(string); !ok {
		t.Errorf("time is missing: %v", line)
	} else if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
		t.Errorf("time: %v", err)
	}
}

func TestALineSaysWhatHappened(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		id := float64(h.Count("SELECT id FROM users"))
		tests := []struct {
			method, path string
			body         any
			line         map[string]any // of the fields that differ; nil is absent
		}{
			{"GET", "/auth/profile", nil, map[string]any{"method": "GET", "route": "/auth/profile", "status": 200.0, "user_id": id, "code": nil, "level": "INFO"}},
			{"HEAD", "/auth/profile", nil, map[string]any{"method": "HEAD", "route": "/auth/profile", "status": 200.0, "user_id": id}},
			{"GET", "/docs/init.js", nil, map[string]any{"route": "/docs/{asset}", "status": 200.0, "user_id": nil}},
			{"GET", "/docs/init.js?secret=1", nil, map[string]any{"route": "/docs/{asset}", "status": 400.0, "code": "invalid_fields"}},
			{"GET", "/docs/secret.js", nil, map[string]any{"route": "/docs/{asset}", "status": 404.0, "code": "not_found"}},
			{"GET", "/reset/secret", nil, map[string]any{"route": "unmatched", "status": 404.0, "code": "not_found", "level": "INFO"}},
			{"DELETE", "/auth/profile", nil, map[string]any{"method": "DELETE", "route": "unmatched", "status": 405.0, "code": "method_not_allowed"}},
			{"SECRET", "/auth/profile", nil, map[string]any{"method": "other", "route": "unmatched", "status": 405.0}},
			{"OPTIONS", "/auth/profile", nil, map[string]any{"method": "OPTIONS", "status": 204.0, "code": nil}},
			{"POST", "/auth/login", apptest.Members{"username": "alice", "password": "secret"}, map[string]any{"route": "/auth/login", "status": 401.0, "code": "invalid_credentials"}},
			{"POST", "/auth/login", "{", map[string]any{"route": "/auth/login", "status": 400.0, "code": "malformed_body"}},
			{"POST", "/auth/register", strings.Repeat(" ", contract.MaxBody+1), map[string]any{"route": "/auth/register", "status": 413.0, "code": "body_too_large"}},
		}
		for _, test := range tests {
			a := b.Call(test.method, test.path, test.body)
			lines := h.Logs.Requests(t)
			line := lines[len(lines)-1]
			wholeLine(t, line)
			if line["request_id"] != a.Header.Get("X-Request-Id") {
				t.Errorf("%s: the line is about %v, the answer is %s", a.What, line["request_id"], a.Header.Get("X-Request-Id"))
			}
			for name, want := range test.line {
				if line[name] != want {
					t.Errorf("%s: %s is %v, want %v", a.What, name, line[name], want)
				}
			}
		}
		if n := len(h.Logs.Requests(t)); n != len(tests)+2 {
			t.Errorf("%d lines for %d requests", n, len(tests)+2)
		}
		if strings.Contains(strings.ToLower(h.Logs.String()), "secret") {
			t.Errorf("the log repeats the request:\n%s", h.Logs)
		}
	})
}

// Values that are nowhere else in the world. Whatever happens to a request, the
// first group must be neither in the log nor in an answer nor in the database;
// the second is public to the person and secret to the log.
const (
	canaryPassword = "Canary-Pw7!f3a9c1"
	canaryHeader   = "canaryheader5b2e"
	canaryCookie   = "canarycookie8d4f"
	canaryQuery    = "canaryquery6a7b"
	canaryName     = "canaryname9e1d"
)

func TestSecretsStayWhereTheyBelong(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.VerifyResponses = true // its reports go to the log, too
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
					t.Errorf("%s: %d repeats %s\n%s\n%s", a.What, a.Status, secret, apptest.Snapshot(a.Header), a.Body)
				}
			}
			return a
		}
		account := apptest.Members{"username": canaryName, "email": canaryName + "@example.com", "password": canaryPassword}
		credentials := apptest.Members{"username": canaryName, "password": canaryPassword}
		for i, broken := range brokenBodies(canaryPassword) {
			for _, path := range []string{"/auth/register", "/auth/login"} {
				if a := send(h.InProcess(), "POST", path, broken); a.Status < 400 || a.Status >= 500 {
					t.Errorf("broken body %d to %s: %d", i, path, a.Status)
				}
			}
		}
		send(b, "POST", "/auth/register", account).Want(201, "")
		send(b, "POST", "/auth/register", account).Want(409, "username_taken")
		cookie := b.Call("POST", "/auth/login", credentials).Want(200, "").Cookie()
		token, signature, _ := strings.Cut(cookie, ".")
		if len(token) < 40 || len(signature) < 40 {
			t.Fatalf("the cookie is %q", cookie)
		}
		secrets = append(secrets, token, signature)
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			for _, edit := range []func(*http.Request){
				func(*http.Request) {},
				func(r *http.Request) {
					r.URL.RawQuery = "password=" + url.QueryEscape(canaryPassword) + "&" + canaryQuery
				},
				func(r *http.Request) { r.URL.Path += "/" + canaryPassword + cookie },
				func(r *http.Request) { r.Method = "PUT" },
				apptest.Header("Cookie", "session="+canaryCookie), apptest.Header("Cookie", "session="+canaryCookie+"."+signature),
				apptest.Header("Cookie", "session="+cookie+"; session="+canaryCookie), apptest.Header("Cookie", canaryPassword),
				apptest.Header("Origin", "https://"+canaryHeader), apptest.Header("Origin", canaryPassword), apptest.Header("Sec-Fetch-Site", canaryHeader),
				apptest.Header("Content-Type", canaryHeader), apptest.Header("Content-Encoding", canaryPassword),
			} {
				if op.ID != "logout" { // ends the session that the others need
					send(b, op.Method, path, body, apptest.SessionCookie(cookie), edit)
				}
			}
		}
		send(h.Browser(), "POST", "/auth/login", apptest.Members{"username": canaryPassword, "password": canaryPassword}).Want(401, "invalid_credentials")
		send(h.Browser(), "POST", "/auth/login", apptest.Members{"username": canaryName, "password": canaryPassword + "x"}).Want(401, "invalid_credentials")
		rows := h.Dump() + h.Trail()

		// The database refuses a row, a handler panics, the database is gone.
		h.FailUserInserts()
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

		for _, secret := range append(secrets, canaryName) {
			if strings.Contains(h.Logs.String(), secret) || strings.Contains(panicking.Logs.String(), secret) {
				t.Errorf("%s is in the log", secret)
			}
			if secret != canaryName && strings.Contains(rows, secret) {
				t.Errorf("%s is in the database:\n%s", secret, rows)
			}
		}
		if n := h.Violations(); n != 0 {
			t.Errorf("%d answers broke the contract", n)
		}
	})
}

// brokenBodies has the secret in every place of a body that is refused.
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
