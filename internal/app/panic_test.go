package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
)

// A panic becomes a 500 response without details and one stack in the log. The process
// continues to serve (PocketBase #7762: one panic stopped the process for all users).
func TestPanic_BecomesInternalErrorAndServerContinues(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		logins := []string{"login", "register"}
		for name, test := range apptest.InOrder(map[string]struct {
			prepare func(h *apptest.Harness) // breaks the server before it serves
			panics  []string                 // operation ids; nil for all
		}{
			"in the middleware":   {prepare: func(h *apptest.Harness) { h.Edge.Contract = nil }},
			"before any query":    {prepare: func(h *apptest.Harness) { h.SetPasswords(nil) }, panics: logins},
			"at the first query":  {prepare: func(h *apptest.Harness) { h.DB, h.Service.DB = nil, nil }, panics: append(logins, "getReadiness")},
			"loading the session": {prepare: func(h *apptest.Harness) { h.Sessions.DB = nil }, panics: []string{"getCurrentUser", "getProfile", "login", "logout"}},
			"checking the cookie": {prepare: func(h *apptest.Harness) { h.Sessions.Signer = nil }, panics: []string{"getCurrentUser", "getProfile", "login", "logout"}},
			"serving a document":  {prepare: func(h *apptest.Harness) { h.Contract = nil }, panics: []string{"getContractYAML", "getContractJSON"}},
		}) {
			broken := h.NewAnother()
			client := broken.Browser() // validates responses against the intact contract
			test.prepare(broken)
			broken.Serve()
			panicked := map[string]bool{}
			callAll(h, client, cookie, func(op *contract.Operation, a *apptest.Answer) {
				panicked[op.ID] = a.Status == 500
				if a.Status != 500 {
					return
				}
				m := a.Want(500, "internal_error").JSON()
				if id := a.Header.Get("X-Request-Id"); m["error"] != "Internal server error" || m["request_id"] != id || len(m) != 4 || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: %s: got %s, want an internal error without details", name, op.ID, a.Body)
				}
				stack := false
				for _, line := range broken.Logs.Lines(t) {
					stack = stack || line["msg"] == "panic" && line["request_id"] == m["request_id"] && strings.Contains(fmt.Sprint(line["stack"]), "goroutine")
				}
				if !stack {
					t.Errorf("%s: %s: the log lacks the stack", name, op.ID)
				}
			})
			for _, id := range test.panics {
				if !panicked[id] {
					t.Errorf("%s: %s did not panic", name, id)
				}
			}
			for id, did := range panicked {
				if test.panics == nil && !did {
					t.Errorf("%s: %s did not panic", name, id)
				}
			}
		}
	})
}

// A failure before the operation of a request is known is a response that the contract
// allows.
func TestPanic_OutsideOperationsConformsToContract(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		broken := h.NewAnother()
		client := broken.Browser() // validates responses against the intact contract
		broken.Edge.Contract = nil
		broken.Serve()
		client.Call("GET", "/nowhere", nil).Want(500, "internal_error")
	})
}
