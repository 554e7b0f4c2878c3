package server_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

// The limit stands before everything that costs: a request over it is refused
// before its session is looked up, its body read, its password hashed.
func TestLimitStandsBeforeTheSessionAndTheBody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/login", "not JSON").Want(400, "malformed_body")
		b.Call("POST", "/auth/login", "not JSON", apptest.Header("Cookie", "session=a; session=b")).Want(429, "rate_limited")
		b.Call("GET", "/nothing", nil).Want(404, "not_found")
	}, apptest.WithLimits("login: 1 per minute"))
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
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.VerifyResponses = true
		people := h.Browser()
		people.Register("alice")
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			if body != nil {
				continue
			}
			send := func(text string) int {
				cookie := h.Browser().Login("alice").Cookie()
				return h.Raw(op.Method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nCookie: session=" + cookie + "\r\n" + text)
			}
			want := send("\r\n")
			for name, text := range bodies {
				if status := send(text); status != want {
					t.Errorf("%s %s with a body that is %s: %d, want %d", op.Method, path, name, status, want)
				}
			}
		}
		if n := h.Violations(); n != 0 {
			t.Errorf("%d answers break the contract", n)
		}
	})
}

// The deadline of a request reaches its queries: with the writer locked by
// another program, this one gives up long before the database would.
func TestRequestsEndAtTheirDeadline(t *testing.T) {
	h := apptest.NewServer(t, dbtest.Open(t, db.SQLite))
	h.Edge.Timeout = 50 * time.Millisecond
	h.Serve()
	defer h.LockSQLite()()
	h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(503, "unavailable")
	requests := h.Logs.Requests(t)
	if cause, _ := requests[len(requests)-1]["cause"].(string); !strings.Contains(cause, context.DeadlineExceeded.Error()) {
		t.Errorf("the cause is %q", cause)
	}
}

// A session that is due for renewal is read although the renewal has to wait
// for another program; the next request renews it.
func TestReadsDoNotWaitForTheRenewal(t *testing.T) {
	h := apptest.NewServer(t, dbtest.Open(t, db.SQLite))
	h.Sessions.RenewTimeout = 200 * time.Millisecond
	h.Serve()
	b := h.Browser()
	b.Register("alice")
	b.Login("alice")
	h.Clock.Advance(2 * time.Minute)
	release := h.LockSQLite()
	b.Call("GET", "/auth/profile", nil).Want(200, "")
	if !strings.Contains(h.Logs.String(), "session not renewed") {
		t.Error("nobody is told that the renewal failed")
	}
	release()
	b.Call("GET", "/auth/profile", nil).Want(200, "")
	if n := h.Count("SELECT count(*) FROM sessions WHERE last_seen_at > created_at"); n != 1 {
		t.Error("the session was not renewed afterwards")
	}
}

// Probes share one look at a database that hangs; each of them looking for
// itself would pile up for as long as it does.
func TestProbesShareOneLookAtTheDatabase(t *testing.T) {
	apptest.EachConcurrent(t, func(t *testing.T, h *apptest.Harness) {
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 50 {
			b := h.Browser()
			wait.Go(func() { b.Call("GET", "/readyz", nil) })
		}
		wait.Wait()
		h.Browser().Call("GET", "/readyz", nil).Want(503, "unavailable")
	})
}

// A proxy need not pass on the Host that the browser sees.
func TestPagesOfThePublicAddressAreOurOwn(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		own := apptest.Header("Origin", "https://auth.example.com")
		h.Browser().Call("GET", "/auth/current_user", nil, own, apptest.Header("Sec-Fetch-Site", "same-origin")).Want(200, "")
		h.Browser().Call("POST", "/auth/logout", nil, own).Want(200, "")
		h.Browser().Call("POST", "/auth/logout", nil, apptest.Header("Origin", "http://auth.example.com")).Want(403, "cross_origin_refused")
	}, apptest.Production, func(c *config.Config) { c.AllowedOrigins = nil })
}

func TestTheLogSaysWhoHasLoggedIn(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		requests := h.Logs.Requests(t)
		if id := requests[len(requests)-1]["user_id"]; id != 1.0 {
			t.Errorf("the line of the login has the user %v", id)
		}
	})
}
