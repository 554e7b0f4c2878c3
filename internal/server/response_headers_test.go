package server_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
)

const everyAnswer = `Cache-Control: no-store
Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
Cross-Origin-Opener-Policy: same-origin
Cross-Origin-Resource-Policy: same-site
Referrer-Policy: no-referrer
Vary: Origin, Cookie, Sec-Fetch-Site
X-Content-Type-Options: nosniff
X-Frame-Options: DENY
X-Request-Id: 26 characters
X-Xss-Protection: 0`

// The test compares the whole set of headers, so that none that describes the software
// (Server, X-Powered-By) can appear either. Frameworks tend to lose such headers on errors,
// which an attacker would use to frame or sniff a page.
func TestResponseHeaders_AreCompleteForEveryStatus(t *testing.T) {
	const json = "Content-Type: application/json; charset=utf-8"
	alice := apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}
	login := apptest.Members{"username": "alice", "password": apptest.GoodPassword}
	tests := []struct {
		name         string
		status       int
		method, path string
		body         any
		edit         func(*http.Request)
		server       func(*apptest.Harness) *apptest.Harness
		more         []string
	}{
		{"200", 200, "GET", "/auth/current_user", nil, nil, nil, []string{json}},
		{"200 text", 200, "GET", "/", nil, nil, nil, []string{"Content-Type: text/plain; charset=utf-8"}},
		{"201", 201, "POST", "/auth/register", alice, nil, nil, []string{json}},
		{"204", 204, "OPTIONS", "/auth/login", nil, nil, nil, []string{"Allow: POST, OPTIONS"}},
		{"400", 400, "POST", "/auth/login", "{", nil, nil, []string{json}},
		{"401", 401, "GET", "/auth/profile", nil, nil, nil, []string{json}},
		{"403", 403, "GET", "/auth/current_user", nil, apptest.Header("Origin", "https://evil.example"), nil, []string{json}},
		{"404", 404, "GET", "/.git/config", nil, nil, nil, []string{json}},
		{"404 for an unusual method", 404, "PATCH", "/wp-login.php", nil, nil, nil, []string{json}},
		{"405", 405, "DELETE", "/auth/login", nil, nil, nil, []string{json, "Allow: POST, OPTIONS"}},
		{"409", 409, "POST", "/auth/register", alice, nil, nil, []string{json}},
		{"413", 413, "POST", "/auth/login", strings.Repeat(" ", contract.MaxBody+1), nil, nil, []string{json}},
		{"415", 415, "POST", "/auth/login", "{}", apptest.Header("Content-Type", "text/plain"), nil, []string{json}},
		{"500 after a panic", 500, "POST", "/auth/login", login, nil, withoutPasswords, []string{json}},
		{"503 without the database", 503, "GET", "/readyz", nil, nil, withoutSchema, []string{json, "Retry-After: 2"}},
		{"503 during shutdown", 503, "GET", "/readyz", nil, nil, draining, []string{json, "Retry-After: 5"}},
	}
	for env, options := range map[string][]func(*config.Config){"development": nil, "production": {apptest.Production}} {
		t.Run(env, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				for _, test := range tests {
					edit, server := test.edit, h
					if edit == nil {
						edit = func(*http.Request) {}
					}
					if test.server != nil {
						server = test.server(h.StartAnother(options...))
					}
					a := server.Browser().Call(test.method, test.path, test.body, edit)
					lines := append(strings.Split(everyAnswer, "\n"), test.more...)
					if env == "production" {
						lines = append(lines, "Strict-Transport-Security: max-age=31536000; includeSubDomains")
					}
					slices.Sort(lines)
					if got, want := apptest.Snapshot(a.Header), strings.Join(lines, "\n"); a.Status != test.status || got != want {
						t.Errorf("%s: got %d\n%s\nwant %d\n%s", test.name, a.Status, got, test.status, want)
					}
				}
			}, options...)
		})
	}
}

// Servers that fail on purpose.
func withoutPasswords(h *apptest.Harness) *apptest.Harness { h.SetPasswords(nil); return h }

func draining(h *apptest.Harness) *apptest.Harness { h.Service.Draining.Store(true); return h }

func withoutSchema(h *apptest.Harness) *apptest.Harness {
	h.Exec("ALTER TABLE goose_db_version RENAME TO renamed")
	h.T.Cleanup(func() {
		if _, err := h.DB.ExecContext(context.Background(), "ALTER TABLE renamed RENAME TO goose_db_version"); err != nil {
			h.T.Error(err)
		}
	})
	return h
}

// Personal data must not stay in a cache, so only the files of the documentation page are
// cacheable. Without a character set in the response, an attacker may choose the one that the
// browser reads the body in.
func TestResponseHeaders_NameCharsetAndForbidCaching(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			for _, a := range []*apptest.Answer{b.Call(op.Method, path, body), b.Call(op.Method, path, body, apptest.Header("Origin", "null")), b.Call("PUT", path, nil)} {
				if got := a.Header.Get("Content-Type"); !strings.HasSuffix(got, "; charset=utf-8") {
					t.Errorf("%s: %d: got Content-Type %q, want a charset", a.What, a.Status, got)
				}
				if got, asset := a.Header.Get("Cache-Control"), op.ID == "getDocsAsset" && a.Status == 200; got != "no-store" && !asset {
					t.Errorf("%s: %d: got Cache-Control %q, want no-store", a.What, a.Status, got)
				}
			}
		}
		policy := b.Call("GET", "/docs", nil).Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
			t.Errorf("got Content-Security-Policy %q, want a strict one", policy)
		}
	})
}

// Links, images and prefetching send safe requests with the cookie of the victim
// (SameSite=Lax allows them), so such requests must not change anything.
func TestOperations_SafeMethodsChangeNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Clock.Advance(2 * time.Minute) // the session is due for renewal
		before := h.Dump("last_seen_at")
		for _, op := range h.Contract.Operations {
			path, _ := h.Sample(op)
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				for range 2 {
					b.Call(method, path, nil)
					b.Call(method, path+"?username=alice&password=x&_method=POST", nil, apptest.Header("X-Http-Method-Override", "POST"))
				}
			}
			if after := h.Dump("last_seen_at"); after != before {
				t.Errorf("%s %s changed the database: got\n%s\nwant\n%s", op.Method, path, after, before)
			}
		}
		if !b.LoggedIn() {
			t.Error("the session has ended")
		}
	})
}
