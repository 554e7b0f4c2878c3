package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// Each operation with a body refuses the same bad bodies, as its part of the
// contract says; which operations those are and what they need is read there.
func TestEveryOperationRefusesBadBodies(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.SetRole("alice", "admin")
		b.Login("alice")
		promised := map[contract.Outcome]bool{}
		for _, o := range h.Contract.Outcomes() {
			promised[o] = true
		}
		tried := 0
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			if body == nil {
				continue
			}
			tried++
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
				if bad.code == "missing_fields" && !promised[outcome] {
					continue // it can do without any member
				}
				if !promised[outcome] {
					t.Errorf("the contract lacks %s", outcome)
					continue
				}
				b.Call(op.Method, path, wrongTypes(t, bad.body, bad.code, body)).Want(bad.status, bad.code)
			}
		}
		if tried < 10 {
			t.Errorf("only %d operations have a body", tried)
		}
	})
}

// wrongTypes is the body to send: for a broken rule, the valid body with a
// number in the place of each member, so that none is missing.
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

// What hashes a password says that it is busy when the gate is full.
func TestEveryOperationThatHashesCanBeBusy(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
		reset := h.MailedToken(mail.ResetPassword, "alice@example.com")
		b.Login("alice")
		bodies := map[string]struct {
			path string // where it is not the operation's own
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
		h.Clock.Advance(15 * time.Minute) // no fresh login, or a change would need no password
		defer h.SaturateGate()()
		for _, o := range h.Contract.Outcomes() {
			if o.Status != http.StatusServiceUnavailable || o.Code != "busy" {
				continue
			}
			send, ok := bodies[o.Operation]
			if !ok {
				t.Errorf("no request that makes %s hash", o.Operation)
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

// A fault before it is known which operation a request is for is still an
// answer of the contract.
func TestFaultOutsideTheContractIsAnAnswer(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		broken := h.NewAnother()
		visitor := broken.Browser() // keeps the contract to compare with
		broken.Edge.Contract = nil
		broken.Serve()
		visitor.Call("GET", "/nowhere", nil).Want(500, "internal_error")
	})
}

// askingNothing are the operations that do not fail with the database, and why.
// Their 500 is that of the code around all operations.
var askingNothing = map[string]string{
	"getBanner":         "it says the same to everybody",
	"getHealth":         "it says whether the process lives",
	"getReadiness":      "a database that fails is its answer, and a 503",
	"getCurrentUser":    "the session has all that it tells",
	"getProfile":        "the session has all that it tells",
	"listPreviewedMail": "the mails are in memory",
	"showPreviewedMail": "the mails are in memory",
	"getDocs":           "the page is part of the program",
	"getDocsAsset":      "the file is part of the program",
	"getContractJSON":   "the contract is part of the program",
	"getContractYAML":   "the contract is part of the program",
}

// theSessionAlone answers the query for the session of a request, and no other.
type theSessionAlone struct {
	failing
	working gendb.DBTX
}

func (q theSessionAlone) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if strings.Contains(query, "name: SessionByTokenHash ") {
		return q.working.QueryRowContext(ctx, query, args...)
	}
	return q.failing.QueryRowContext(ctx, query, args...)
}

// Whoever is logged in is known, and then the operation itself fails in a way
// that nobody has foreseen: at a query of its own, or in its transaction.
func TestEveryOperationThatAsksTheDatabaseFailsWithIt(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.Browser().Register("bob") // account 2, as in the examples
		h.SetRole("alice", "admin")
		cookie := b.Login("alice").Cookie()
		for range 6 { // and his is session 7
			h.Browser().Login("bob")
		}
		h.Browser().Login("alice")
		for table := range apptest.InOrder(h.Columns()) {
			if table != "users" && table != "sessions" && !strings.HasPrefix(table, "sqlite_") {
				h.Exec("ALTER TABLE " + table + " RENAME TO no_more_" + table)
			}
		}
		h.DB.Queries = gendb.New(theSessionAlone{failing{errors.New("disk on fire")}, h.DB.DB})
		for _, op := range h.Contract.Operations {
			disabled := any(nil)
			if op.ID == "enableUser" { // for somebody who is enabled it has nothing to do
				disabled = h.Clock.Now()
			}
			h.Exec("UPDATE users SET disabled_at = $1 WHERE username = 'bob'", disabled)
			path, body := h.Sample(op)
			a := h.Browser().Call(op.Method, path, body, apptest.SessionCookie(cookie))
			if askingNothing[op.ID] == "" {
				a.Want(500, "internal_error")
			} else if a.Status == 500 {
				t.Errorf("%s fails with the database", op.ID)
			}
			lines := h.Logs.Requests(t)
			if known := lines[len(lines)-1]["user_id"] != nil; known != (op.Session != contract.SessionIgnored) {
				t.Errorf("%s: the session was found: %t", op.ID, known)
			}
		}
	})
}
