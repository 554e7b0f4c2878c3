package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/contract"
)

// inProcess hands requests to the handler without a network in between, where
// net/http would refuse the worst of them. Nothing of ours may rely on that.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.RemoteAddr == "" {
		in.RemoteAddr = "127.0.0.1:50000"
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, in)
	return w.Result(), nil
}

// direct returns a browser whose requests take that way. Its answers are held
// against the contract like all others.
func (h *harness) direct() *browser {
	h.t.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.t.Fatal(err)
	}
	b := h.browser()
	b.client.Transport = h.onRecord(h.verified(inProcess{handler}))
	return b
}

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
	each(t, func(t *testing.T, h *harness) {
		b := h.direct()
		b.register("alice")
		b.call("GET", "/healthz", nil, header("X-Forwarded-For", "192.0.2.1")) // which is warned of once
		ways := map[string]func(text string) *answer{
			"path": func(text string) *answer {
				return b.call("GET", "/", nil, func(r *http.Request) { r.URL.Path = "/auth/" + text })
			},
			"path of a file": func(text string) *answer {
				return b.call("GET", "/", nil, func(r *http.Request) { r.URL.Path = "/docs/" + text })
			},
			"query": func(text string) *answer {
				return b.call("GET", "/auth/current_user", nil, func(r *http.Request) { r.URL.RawQuery = "a=" + text })
			},
			"method": func(text string) *answer {
				return b.call("GET", "/auth/login", nil, func(r *http.Request) { r.Method = "X" + text })
			},
			"User-Agent":      func(text string) *answer { return b.call("GET", "/healthz", nil, header("User-Agent", text)) },
			"X-Forwarded-For": func(text string) *answer { return b.call("GET", "/healthz", nil, header("X-Forwarded-For", text)) },
			"X-Request-ID":    func(text string) *answer { return b.call("GET", "/healthz", nil, header("X-Request-ID", text)) },
			"Origin":          func(text string) *answer { return b.call("GET", "/healthz", nil, header("Origin", text)) },
			"Sec-Fetch-Site":  func(text string) *answer { return b.call("POST", "/auth/logout", nil, header("Sec-Fetch-Site", text)) },
			"Host":            func(text string) *answer { return b.call("GET", "/", nil, func(r *http.Request) { r.Host = text }) },
			"Content-Type":    func(text string) *answer { return b.call("POST", "/auth/login", "{}", header("Content-Type", text)) },
			"cookie":          func(text string) *answer { return b.call("GET", "/auth/profile", nil, sessionCookie(text)) },
			"cookie's name":   func(text string) *answer { return b.call("GET", "/auth/profile", nil, header("Cookie", text+"=x")) },
			"peer": func(text string) *answer {
				return b.call("GET", "/healthz", nil, func(r *http.Request) { r.RemoteAddr = text + ":1" })
			},
			"username at login": func(text string) *answer {
				return b.call("POST", "/auth/login", members{"username": text, "password": "x"})
			},
			"e-mail at login": func(text string) *answer {
				return b.call("POST", "/auth/login", members{"username": text + "@example.com", "password": "x"})
			},
			"raw bytes at login": func(text string) *answer {
				return b.call("POST", "/auth/login", `{"username":"`+text+`","password":"x"}`)
			},
			"registration": func(text string) *answer {
				return b.call("POST", "/auth/register", members{"username": text, "email": text, "password": text})
			},
			"member's name": func(text string) *answer { return b.call("POST", "/auth/login", members{text: text}) },
			"user agent of a login": func(text string) *answer {
				return b.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword}, header("User-Agent", text))
			},
		}
		for where, send := range inOrder(ways) {
			for what, text := range inOrder(hostile) {
				before := h.logs.String()
				a := send(text)
				logged := strings.TrimPrefix(h.logs.String(), before)
				if a.status >= 500 {
					t.Errorf("%s in the %s: %d", what, where, a.status)
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
		for _, line := range h.logs.requests(t) {
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		id := float64(h.count("SELECT id FROM users"))
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
			{"POST", "/auth/login", members{"username": "alice", "password": "secret"}, map[string]any{"route": "/auth/login", "status": 401.0, "code": "invalid_credentials"}},
			{"POST", "/auth/login", "{", map[string]any{"route": "/auth/login", "status": 400.0, "code": "malformed_body"}},
			{"POST", "/auth/register", strings.Repeat(" ", contract.MaxBody+1), map[string]any{"route": "/auth/register", "status": 413.0, "code": "body_too_large"}},
		}
		for _, test := range tests {
			a := b.call(test.method, test.path, test.body)
			lines := h.logs.requests(t)
			line := lines[len(lines)-1]
			wholeLine(t, line)
			if line["request_id"] != a.header.Get("X-Request-Id") {
				t.Errorf("%s: the line is about %v, the answer is %s", a.what, line["request_id"], a.header.Get("X-Request-Id"))
			}
			for name, want := range test.line {
				if line[name] != want {
					t.Errorf("%s: %s is %v, want %v", a.what, name, line[name], want)
				}
			}
		}
		if n := len(h.logs.requests(t)); n != len(tests)+2 {
			t.Errorf("%d lines for %d requests", n, len(tests)+2)
		}
		if strings.Contains(strings.ToLower(h.logs.String()), "secret") {
			t.Errorf("the log repeats the request:\n%s", h.logs)
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
	each(t, func(t *testing.T, h *harness) {
		h.Edge.VerifyResponses = true // its reports go to the log, too
		secrets := []string{canaryPassword, canaryHeader, canaryCookie, canaryQuery}
		b := h.direct()
		send := func(b *browser, method, path string, body any, edit ...func(*http.Request)) *answer {
			t.Helper()
			a := b.call(method, path, body, append([]func(*http.Request){
				header("Authorization", "Bearer "+canaryHeader), header("X-Request-ID", canaryHeader), header("Referer", "https://x/"+canaryHeader),
			}, edit...)...)
			a.header.Del("Set-Cookie")
			for _, secret := range secrets {
				if strings.Contains(string(a.body), secret) || strings.Contains(snapshot(a.header), secret) {
					t.Errorf("%s: %d repeats %s\n%s\n%s", a.what, a.status, secret, snapshot(a.header), a.body)
				}
			}
			return a
		}
		account := members{"username": canaryName, "email": canaryName + "@example.com", "password": canaryPassword}
		credentials := members{"username": canaryName, "password": canaryPassword}
		for i, broken := range brokenBodies(canaryPassword) {
			for _, path := range []string{"/auth/register", "/auth/login"} {
				if a := send(h.direct(), "POST", path, broken); a.status < 400 || a.status >= 500 {
					t.Errorf("broken body %d to %s: %d", i, path, a.status)
				}
			}
		}
		send(b, "POST", "/auth/register", account).want(201, "")
		send(b, "POST", "/auth/register", account).want(409, "username_taken")
		cookie := b.call("POST", "/auth/login", credentials).want(200, "").cookie()
		token, signature, _ := strings.Cut(cookie, ".")
		if len(token) < 40 || len(signature) < 40 {
			t.Fatalf("the cookie is %q", cookie)
		}
		secrets = append(secrets, token, signature)
		for _, op := range h.Contract.Operations {
			path, body := h.sample(op)
			for _, edit := range []func(*http.Request){
				func(*http.Request) {},
				func(r *http.Request) {
					r.URL.RawQuery = "password=" + url.QueryEscape(canaryPassword) + "&" + canaryQuery
				},
				func(r *http.Request) { r.URL.Path += "/" + canaryPassword + cookie },
				func(r *http.Request) { r.Method = "PUT" },
				header("Cookie", "session="+canaryCookie), header("Cookie", "session="+canaryCookie+"."+signature),
				header("Cookie", "session="+cookie+"; session="+canaryCookie), header("Cookie", canaryPassword),
				header("Origin", "https://"+canaryHeader), header("Origin", canaryPassword), header("Sec-Fetch-Site", canaryHeader),
				header("Content-Type", canaryHeader), header("Content-Encoding", canaryPassword),
			} {
				if op.ID != "logout" { // ends the session that the others need
					send(b, op.Method, path, body, sessionCookie(cookie), edit)
				}
			}
		}
		send(h.browser(), "POST", "/auth/login", members{"username": canaryPassword, "password": canaryPassword}).want(401, "invalid_credentials")
		send(h.browser(), "POST", "/auth/login", members{"username": canaryName, "password": canaryPassword + "x"}).want(401, "invalid_credentials")
		rows := h.dump() + h.trail()

		// The database refuses a row, a handler panics, the database is gone.
		h.refuseUsers()
		send(b, "POST", "/auth/register", members{"username": "x" + canaryName, "email": "x@" + canaryName + ".com", "password": canaryPassword}).want(500, "internal_error")
		panicking := withoutPasswords(h.another())
		send(panicking.direct(), "POST", "/auth/login", credentials, sessionCookie(cookie)).want(500, "internal_error")
		send(b, "POST", "/auth/logout", nil).want(200, "")
		_ = h.DB.Close()
		for _, op := range h.Contract.Operations {
			path, body := h.sample(op)
			send(b, op.Method, path, body, sessionCookie(cookie))
		}
		send(b, "POST", "/auth/login", credentials, sessionCookie(cookie))

		for _, secret := range append(secrets, canaryName) {
			if strings.Contains(h.logs.String(), secret) || strings.Contains(panicking.logs.String(), secret) {
				t.Errorf("%s is in the log", secret)
			}
			if secret != canaryName && strings.Contains(rows, secret) {
				t.Errorf("%s is in the database:\n%s", secret, rows)
			}
		}
		if n := h.violations(); n != 0 {
			t.Errorf("%d answers broke the contract", n)
		}
	})
}

// brokenBodies has the secret in every place of a body that is refused.
func brokenBodies(secret string) []string {
	s := quoted(secret)
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

// refuseUsers makes the database refuse every new account for a reason that
// the server does not know.
func (h *harness) refuseUsers() {
	if h.DB.Kind == db.Postgres {
		h.exec("ALTER TABLE users ADD CONSTRAINT refused CHECK (false) NOT VALID")
		return
	}
	h.exec("CREATE TRIGGER refused BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'refused'); END")
}
