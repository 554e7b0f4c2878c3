package app_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// alteredContract returns the contract with one text replaced.
func alteredContract(t *testing.T, old, new string) *contract.Contract {
	t.Helper()
	text := bytes.Replace(api.OpenAPI, []byte(old), []byte(new), 1)
	c, err := contract.Load(text, nil, ratelimit.Settings{})
	if err != nil || bytes.Equal(text, api.OpenAPI) {
		t.Fatalf("%q is not in the contract, or the altered contract is invalid: %v", old, err)
	}
	return c
}

func verifyResponses(c *config.Config) { c.VerifyResponses = true }

// The contract is altered, so that a correct response violates it. The server still sends
// the response, counts the violation and logs it without values of the response.
func TestVerifyResponses_ReportsViolations(t *testing.T) {
	login := apptest.Members{"username": "alice", "password": apptest.GoodPassword}
	for name, test := range map[string]struct {
		old, new, method, path string
		body                   any
		status                 int
	}{
		"status":         {"        '401': {$ref: '#/components/responses/LoginRequired'}\n", "", "GET", "/auth/profile", nil, 401},
		"missing header": {"    LoginRequired:\n      description: The request has no session, or the session has ended.\n      headers:\n", "    LoginRequired:\n      description: x\n      headers:\n        Retry-After: {$ref: '#/components/headers/RetryAfter'}\n", "GET", "/auth/profile", nil, 401},
		"body":           {"      description: A line of text.\n      maxLength: 100", "      description: A line of text.\n      maxLength: 32", "GET", "/", nil, 200},
		"header value":   {"      schema:\n        type: string\n        maxLength: 300\n      example: session=q6v0", "      schema:\n        type: string\n        maxLength: 100\n      example: session=q6v0", "POST", "/auth/login", login, 200},
		"unknown path":   {"      description: The path does not exist, or the server has nothing to return there.\n      headers:\n", "      description: x\n      headers:\n        Retry-After: {$ref: '#/components/headers/RetryAfter'}\n", "GET", "/nothing", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Browser().Register("alice")
				altered := h.NewAnother(verifyResponses)
				b := altered.Browser() // validates responses against the original contract
				altered.Edge.Contract = alteredContract(t, test.old, test.new)
				altered.Service.Port = 54321 // makes the banner one character longer
				altered.Serve()
				a := b.Call(test.method, test.path, test.body)
				if a.Status != test.status || len(a.Body) == 0 {
					t.Errorf("got %d %q, want %d and a body", a.Status, a.Body, test.status)
				}
				reports := 0
				for _, line := range altered.Logs.Lines(t) {
					if line["level"] == "ERROR" && line["request_id"] == a.Header.Get("X-Request-Id") && line["error"] != nil {
						reports++
					}
				}
				if n := altered.Violations(); n != 1 || reports != 1 {
					t.Errorf("got %d counted and %d logged violations, want 1", n, reports)
				}
				for _, secret := range []string{a.Cookie(), "alice", "Backend"} {
					if secret != "" && strings.Contains(altered.Logs.String(), secret) {
						t.Errorf("the log contains %s:\n%s", secret, altered.Logs)
					}
				}
			})
		})
	}
}

func TestVerifyResponses_FindsNoViolations(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		for range 2 { // the second time logged in
			for _, op := range h.Contract.Operations {
				path, body := h.Sample(op)
				for _, edit := range []func(*http.Request){
					func(*http.Request) {}, apptest.Header("Origin", apptest.DevOrigin), apptest.Header("Origin", "null"), apptest.Header("Content-Type", "text/plain"),
					func(r *http.Request) { r.Method = "HEAD" }, func(r *http.Request) { r.Method = "PUT" }, func(r *http.Request) { r.Method = "OPTIONS" },
					func(r *http.Request) { r.URL.Path += "/x" }, apptest.Header("Cookie", "session=a; session=b"),
				} {
					b.Call(op.Method, path, body, edit)
				}
			}
			b.Call("POST", "/auth/login", "{")
			b.Call("OPTIONS", "/auth/login", nil, apptest.Header("Origin", apptest.DevOrigin), apptest.Header("Access-Control-Request-Method", "POST"))
			b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword})
			b.Login("alice")
		}
		if n := h.Violations(); n != 0 {
			t.Errorf("got %d violations, want 0:\n%s", n, h.Logs)
		}
	}, verifyResponses)
}
