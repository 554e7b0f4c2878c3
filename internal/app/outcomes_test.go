package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// Every operation with a body rejects the same invalid bodies with the codes of the
// contract. The operations and their members are read from the contract.
func TestOperations_RejectInvalidBodies(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.SetRole("alice", "admin")
		b.Login("alice")
		documented := map[contract.Outcome]bool{}
		for _, o := range h.Contract.Outcomes() {
			documented[o] = true
		}
		tested := 0
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			if body == nil {
				continue
			}
			tested++
			for _, bad := range []struct {
				body, code string
				status     int
			}{
				{`{`, "malformed_body", 400},
				{`{"no_such_member":1}`, "invalid_fields", 400},
				{`{"` + strings.Repeat("x", contract.MaxBody) + `":1}`, "body_too_large", 413},
				{`{}`, "missing_fields", 400},
			} {
				outcome := contract.Outcome{Operation: op.ID, Status: bad.status, Code: bad.code}
				if bad.code == "missing_fields" && !documented[outcome] {
					continue // the operation requires no member
				}
				if !documented[outcome] {
					t.Errorf("the contract lacks %s", outcome)
					continue
				}
				b.Call(op.Method, path, wrongTypes(t, bad.body, bad.code, body)).Want(bad.status, bad.code)
			}
		}
		if tested < 10 {
			t.Errorf("got %d operations with a body, want at least 10", tested)
		}
	})
}

// wrongTypes returns the body to send: for invalid_fields the valid body with a number in
// place of each value, so that no member is missing.
func wrongTypes(t *testing.T, body, code string, valid any) string {
	if code != "invalid_fields" {
		return body
	}
	members := map[string]any{}
	for name := range valid.(map[string]any) {
		members[name] = 7
	}
	data, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Every operation that hashes a password returns busy when the hasher's queue is full.
func TestOperations_ReturnBusyWhenHasherIsSaturated(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
		reset := h.MailedToken(mail.ResetPassword, "alice@example.com")
		b.Login("alice")
		bodies := map[string]struct {
			path string // empty for the operation's path
			body apptest.Members
		}{
			"register":            {body: apptest.Members{"username": "bob", "email": "bob@example.com", "password": apptest.GoodPassword}},
			"login":               {body: apptest.Members{"username": "alice", "password": apptest.GoodPassword}},
			"reauthenticate":      {body: apptest.Members{"password": apptest.GoodPassword}},
			"changePassword":      {body: apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}},
			"updateProfile":       {body: apptest.Members{"email": "new@example.com", "current_password": apptest.GoodPassword}},
			"deleteAccount":       {body: apptest.Members{"password": apptest.GoodPassword}},
			"resetPassword":       {body: apptest.Members{"token": reset, "password": apptest.NewPassword}},
			"resetPasswordByLink": {path: "/auth/reset_password/" + reset, body: apptest.Members{"password": apptest.NewPassword}},
		}
		h.Clock.Advance(15 * time.Minute) // ends the fresh login, so that changes hash the current password
		defer h.SaturateGate()()
		for _, o := range h.Contract.Outcomes() {
			if o.Status != http.StatusServiceUnavailable || o.Code != "busy" {
				continue
			}
			send, ok := bodies[o.Operation]
			if !ok {
				t.Errorf("the test lacks a request of %s that hashes a password", o.Operation)
				continue
			}
			op := h.Contract.Operation(o.Operation)
			if send.path == "" {
				send.path = op.Path
			}
			b.Call(op.Method, send.path, send.body).Want(503, "busy")
		}
	})
}
