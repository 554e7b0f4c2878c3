package app_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
)

// The limit stands before everything that costs: a request over it is refused
// before its session is looked up, its body read, its password hashed.
func TestLimitStandsBeforeTheSessionAndTheBody(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.call("POST", "/auth/login", "not JSON").want(400, "malformed_body")
		b.call("POST", "/auth/login", "not JSON", header("Cookie", "session=a; session=b")).want(429, "rate_limited")
		b.call("GET", "/nothing", nil).want(404, "not_found")
	}, limiting("login: 1 per minute"))
}

// Whatever a body is, an operation that has none neither reads it nor waits
// for it, and its session is ended or read all the same.
func TestBodiesThatNobodyAskedFor(t *testing.T) {
	bodies := map[string]string{
		"too large":             "Content-Length: 65537\r\n\r\n" + strings.Repeat("x", 65537),
		"declared and not sent": "Content-Length: 1073741824\r\n\r\n",
		"broken chunks":         "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"JSON":                  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	}
	each(t, func(t *testing.T, h *harness) {
		h.Edge.VerifyResponses = true
		people := h.browser()
		people.register("alice")
		for _, op := range h.Contract.Operations {
			path, body := h.sample(op)
			if body != nil {
				continue
			}
			send := func(text string) int {
				cookie := h.browser().login("alice").cookie()
				return h.raw(op.Method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nCookie: session=" + cookie + "\r\n" + text)
			}
			want := send("\r\n")
			for name, text := range bodies {
				if status := send(text); status != want {
					t.Errorf("%s %s with a body that is %s: %d, want %d", op.Method, path, name, status, want)
				}
			}
		}
		if n := h.violations(); n != 0 {
			t.Errorf("%d answers break the contract", n)
		}
	})
}

// raw sends bytes on a connection of their own and returns the status.
func (h *harness) raw(request string) int {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, request) }() // the server may close before it has read all
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		h.t.Fatalf("%q: %v", request[:min(len(request), 80)], err)
	}
	var status int
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		h.t.Fatalf("%q: %v", line, err)
	}
	return status
}

// lockSQLite takes the write lock of an SQLite file from outside, until the
// returned function is called.
func (h *harness) lockSQLite() (release func()) {
	h.t.Helper()
	var file string
	if err := h.DB.QueryRowContext(h.t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil {
		h.t.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		h.t.Fatal(err)
	}
	conn, err := other.Conn(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := conn.ExecContext(h.t.Context(), "BEGIN IMMEDIATE"); err != nil {
		h.t.Fatal(err)
	}
	return func() {
		_ = conn.Close()
		_ = other.Close()
	}
}

// The deadline of a request reaches its queries: with the writer locked by
// another program, this one gives up long before the database would.
func TestRequestsEndAtTheirDeadline(t *testing.T) {
	h := newServer(t, dbtest.Open(t, db.SQLite))
	h.Edge.Timeout = 50 * time.Millisecond
	h.serve()
	defer h.lockSQLite()()
	h.browser().call("POST", "/auth/register", members{"username": "alice", "email": "alice@example.com", "password": goodPassword}).want(503, "unavailable")
	requests := h.logs.requests(t)
	if cause, _ := requests[len(requests)-1]["cause"].(string); !strings.Contains(cause, context.DeadlineExceeded.Error()) {
		t.Errorf("the cause is %q", cause)
	}
}

// A session that is due for renewal is read although the renewal has to wait
// for another program; the next request renews it.
func TestReadsDoNotWaitForTheRenewal(t *testing.T) {
	h := newServer(t, dbtest.Open(t, db.SQLite))
	h.Sessions.RenewTimeout = 200 * time.Millisecond
	h.serve()
	b := h.browser()
	b.register("alice")
	b.login("alice")
	h.clock.advance(2 * time.Minute)
	release := h.lockSQLite()
	b.call("GET", "/auth/profile", nil).want(200, "")
	if !strings.Contains(h.logs.String(), "session not renewed") {
		t.Error("nobody is told that the renewal failed")
	}
	release()
	b.call("GET", "/auth/profile", nil).want(200, "")
	if n := h.count("SELECT count(*) FROM sessions WHERE last_seen_at > created_at"); n != 1 {
		t.Error("the session was not renewed afterwards")
	}
}

// Probes share one look at a database that hangs; each of them looking for
// itself would pile up for as long as it does.
func TestProbesShareOneLookAtTheDatabase(t *testing.T) {
	eachAtOnce(t, func(t *testing.T, h *harness) {
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 50 {
			b := h.browser()
			wait.Go(func() { b.call("GET", "/readyz", nil) })
		}
		wait.Wait()
		h.browser().call("GET", "/readyz", nil).want(503, "unavailable")
	})
}

// A proxy need not pass on the Host that the browser sees.
func TestPagesOfThePublicAddressAreOurOwn(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		own := header("Origin", "https://auth.example.com")
		h.browser().call("GET", "/auth/current_user", nil, own, header("Sec-Fetch-Site", "same-origin")).want(200, "")
		h.browser().call("POST", "/auth/logout", nil, own).want(200, "")
		h.browser().call("POST", "/auth/logout", nil, header("Origin", "http://auth.example.com")).want(403, "cross_origin_refused")
	}, inProduction, func(c *config.Config) { c.AllowedOrigins = nil })
}

func TestTheLogSaysWhoHasLoggedIn(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		requests := h.logs.requests(t)
		if id := requests[len(requests)-1]["user_id"]; id != 1.0 {
			t.Errorf("the line of the login has the user %v", id)
		}
	})
}

// usesDatabase says whether an operation can do anything without one.
func usesDatabase(op *contract.Operation) bool {
	switch op.ID {
	case "register", "verifyEmail", "verifyEmailByLink", "confirmEmail", "resendVerification",
		"requestReset", "resetPassword", "resetPasswordByLink", "getReadiness":
		return true
	}
	return op.Session != contract.SessionIgnored
}

// looksTokenUp says whether an operation looks for a token before it writes.
func looksTokenUp(op *contract.Operation) bool {
	return op.ID == "confirmEmail" || strings.HasPrefix(op.ID, "resetPassword") || strings.HasPrefix(op.ID, "verifyEmail")
}
