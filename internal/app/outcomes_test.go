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
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
)

// Each operation with a body refuses the same bad bodies, as its part of the
// contract says; which operations those are and what they need is read there.
func TestEveryOperationRefusesBadBodies(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		h.setRole("alice", "admin")
		b.login("alice")
		promised := map[contract.Outcome]bool{}
		for _, o := range h.Contract.Outcomes() {
			promised[o] = true
		}
		tried := 0
		for _, op := range h.Contract.Operations {
			path, body := h.sample(op)
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
				b.call(op.Method, path, wrongTypes(t, bad.body, bad.code, body)).want(bad.status, bad.code)
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "")
		reset := h.mailedToken(mail.ResetPassword, "alice@example.com")
		b.login("alice")
		bodies := map[string]struct {
			path string // where it is not the operation's own
			body members
		}{
			"register":            {body: members{"username": "bob", "email": "bob@example.com", "password": goodPassword}},
			"login":               {body: members{"username": "alice", "password": goodPassword}},
			"reauthenticate":      {body: members{"password": goodPassword}},
			"changePassword":      {body: members{"current_password": goodPassword, "new_password": newPassword}},
			"updateProfile":       {body: members{"email": "new@example.com", "current_password": goodPassword}},
			"deleteAccount":       {body: members{"password": goodPassword}},
			"resetPassword":       {body: members{"token": reset, "password": newPassword}},
			"resetPasswordByLink": {path: "/auth/reset_password/" + reset, body: members{"password": newPassword}},
		}
		h.clock.advance(15 * time.Minute) // no fresh login, or a change would need no password
		defer h.saturate()()
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
			b.call(op.Method, send.path, send.body).want(503, "busy")
		}
	})
}

// A link to a new address does not take it from somebody who has it by now.
func TestConfirmedAddressThatIsTakenByNow(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.call("POST", "/auth/verify", members{"token": h.mailedToken(mail.VerifyEmail, "alice@example.com")}).want(200, "")
		b.login("alice")
		b.updateProfile(members{"email": "wanted@example.com"}).want(200, "")
		token := h.mailedToken(mail.ConfirmEmail, "wanted@example.com")
		bob := h.browser()
		bob.call("POST", "/auth/register", members{"username": "bob", "email": "wanted@example.com", "password": goodPassword}).want(201, "")
		b.call("POST", "/auth/confirm_email", members{"token": token}).want(409, "email_taken")
	}, func(c *config.Config) { c.Registration = "verified" })
}

// A link of any length that is answered at all, however it is encoded, fits into what
// net/http reads of a header; one that is longer breaks a rule.
func TestOverlongTokenInThePath(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().call("GET", "/auth/verify/"+strings.Repeat("x", 512), nil).want(400, "invalid_token")
		h.browser().call("GET", "/auth/verify/"+strings.Repeat("x", 513), nil).want(400, "invalid_fields")
	})
}

// A fault before it is known which operation a request is for is still an
// answer of the contract.
func TestFaultOutsideTheContractIsAnAnswer(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		broken := h.beside()
		visitor := broken.browser() // keeps the contract to compare with
		broken.Edge.Contract = nil
		broken.serve()
		visitor.call("GET", "/nowhere", nil).want(500, "internal_error")
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
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		h.browser().register("bob") // account 2, as in the examples
		h.setRole("alice", "admin")
		cookie := b.login("alice").cookie()
		for range 6 { // and his is session 7
			h.browser().login("bob")
		}
		h.browser().login("alice")
		for table := range inOrder(h.columns()) {
			if table != "users" && table != "sessions" && !strings.HasPrefix(table, "sqlite_") {
				h.exec("ALTER TABLE " + table + " RENAME TO no_more_" + table)
			}
		}
		h.DB.Queries = gendb.New(theSessionAlone{failing{errors.New("disk on fire")}, h.DB.DB})
		for _, op := range h.Contract.Operations {
			disabled := any(nil)
			if op.ID == "enableUser" { // for somebody who is enabled it has nothing to do
				disabled = h.clock.Now()
			}
			h.exec("UPDATE users SET disabled_at = $1 WHERE username = 'bob'", disabled)
			path, body := h.sample(op)
			a := h.browser().call(op.Method, path, body, sessionCookie(cookie))
			if askingNothing[op.ID] == "" {
				a.want(500, "internal_error")
			} else if a.status == 500 {
				t.Errorf("%s fails with the database", op.ID)
			}
			lines := h.logs.requests(t)
			if known := lines[len(lines)-1]["user_id"] != nil; known != (op.Session != contract.SessionIgnored) {
				t.Errorf("%s: the session was found: %t", op.ID, known)
			}
		}
	})
}
