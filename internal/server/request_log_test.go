package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// hostile has the means of log injection: a second line, a second object, control sequences of a
// terminal, bytes that end the reader.
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

// Each request is one line of JSON with the same fields, whatever the client sends, and so is
// each event. Lines do not repeat what the client sends, so there is nothing to escape. The
// exception is the user agent of an event, as plain ASCII.
func TestRequestLog_CannotBeForged(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.InProcess()
		b.Register("alice")
		b.Call("GET", "/healthz", nil, apptest.Header("X-Forwarded-For", "192.0.2.1")) // it logs a warning once
		senders := map[string]func(text string) *apptest.Answer{
			"path": func(text string) *apptest.Answer {
				return b.Call("GET", "/", nil, func(r *http.Request) { r.URL.Path = "/auth/" + text })
			},
			"asset path": func(text string) *apptest.Answer {
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
			"cookie name": func(text string) *apptest.Answer {
				return b.Call("GET", "/auth/profile", nil, apptest.Header("Cookie", text+"=x"))
			},
			"peer": func(text string) *apptest.Answer {
				return b.Call("GET", "/healthz", nil, func(r *http.Request) { r.RemoteAddr = text + ":1" })
			},
			"username at login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", apptest.Members{"username": text, "password": "x"})
			},
			"email at login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", apptest.Members{"username": text + "@example.com", "password": "x"})
			},
			"raw bytes at login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", `{"username":"`+text+`","password":"x"}`)
			},
			"registration": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/register", apptest.Members{"username": text, "email": text, "password": text})
			},
			"member name": func(text string) *apptest.Answer { return b.Call("POST", "/auth/login", apptest.Members{text: text}) },
			"user agent at login": func(text string) *apptest.Answer {
				return b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, apptest.Header("User-Agent", text))
			},
		}
		for place, send := range apptest.InOrder(senders) {
			for name, text := range apptest.InOrder(hostile) {
				before := h.Logs.String()
				a := send(text)
				logged := strings.TrimPrefix(h.Logs.String(), before)
				if a.Status >= 500 {
					t.Errorf("%s in %s: got %d, want no server error", name, place, a.Status)
				}
				events := strings.Count(logged, `"msg":"audit"`)
				if repeated := strings.Contains(logged, "forged"); repeated && (events == 0 || !strings.HasPrefix(place, "user agent")) {
					t.Errorf("%s in %s: the log repeats it: %q", name, place, logged)
				}
				if strings.Count(logged, "\n") != 1+events || len(logged) > 3000 || !utf8.ValidString(logged) ||
					strings.ContainsFunc(strings.ReplaceAll(logged, "\n", ""), func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("%s in %s: got log %q, want one line of plain ASCII per event", name, place, logged)
				}
			}
		}
		for _, line := range h.Logs.Requests(t) {
			checkLine(t, line)
		}
	})
}

// checkLine checks that the line of a request has its time, subject, source and outcome.
func checkLine(t *testing.T, line map[string]any) {
	t.Helper()
	for _, name := range []string{"level", "request_id", "method", "route", "ip"} {
		if text, ok := line[name].(string); !ok || text == "" && name != "ip" {
			t.Errorf("the line lacks %s: %v", name, line)
		}
	}
	for _, name := range []string{"status", "duration_ms"} {
		if _, ok := line[name].(float64); !ok {
			t.Errorf("the line lacks %s: %v", name, line)
		}
	}
	if at, ok := line["time"].(string); !ok {
		t.Errorf("the line lacks time: %v", line)
	} else if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
		t.Errorf("got time %v, want RFC 3339: %v", at, err)
	}
}

func TestRequestLog_DescribesTheRequest(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		id := float64(h.Count("SELECT id FROM users"))
		tests := []struct {
			method, path string
			body         any
			line         map[string]any // fields to compare; nil means absent
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
			checkLine(t, line)
			if line["request_id"] != a.Header.Get("X-Request-Id") {
				t.Errorf("%s: got request_id %v, want %s", a.What, line["request_id"], a.Header.Get("X-Request-Id"))
			}
			for name, want := range test.line {
				if line[name] != want {
					t.Errorf("%s: %s: got %v, want %v", a.What, name, line[name], want)
				}
			}
		}
		if n := len(h.Logs.Requests(t)); n != len(tests)+2 {
			t.Errorf("got %d lines, want %d", n, len(tests)+2)
		}
		if strings.Contains(strings.ToLower(h.Logs.String()), "secret") {
			t.Errorf("the log repeats the request:\n%s", h.Logs)
		}
	})
}

func TestRequestLog_NamesTheUserAfterLogin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		requests := h.Logs.Requests(t)
		if id := requests[len(requests)-1]["user_id"]; id != 1.0 {
			t.Errorf("got user_id %v, want 1", id)
		}
	})
}

// Every error of the server is a line of its own, because a user may ask about that very
// request. Probes appear only at the debug level.
func TestRequestLog_LogsEveryErrorAndNoProbe(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		broken := withoutPasswords(h.StartAnother())
		broken.Edge.Refusals.First = 0
		b := broken.InProcess()
		for range 30 {
			b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "x"}).Want(500, "internal_error")
			b.Call("GET", "/healthz", nil).Want(200, "")
			b.Call("GET", "/readyz", nil).Want(200, "")
		}
		levels := map[any]int{}
		for _, line := range broken.Logs.Requests(t) {
			levels[line["level"]]++
		}
		if levels["ERROR"] != 30 || levels["DEBUG"] != 60 || len(levels) != 2 {
			t.Errorf("got levels %v, want 30 ERROR and 60 DEBUG", levels)
		}
	})
}
