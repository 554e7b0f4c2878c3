package authentication_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// SQLite has one writer: a panic that left its transaction open would block every later
// login.
func TestLogin_PanicRollsBackTransaction(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		signer := h.Sessions.Signer
		h.Sessions.Signer = nil // used after the insert
		for range 20 {
			a := h.Browser().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword})
			if a.Want(500, "internal_error").Header.Get("Set-Cookie") != "" {
				t.Errorf("got Set-Cookie %q, want none", a.Header.Get("Set-Cookie"))
			}
		}
		h.Sessions.Signer = signer
		if n := h.Count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("got %d sessions, want 0", n)
		}
		b.Login("alice")
	})
}

// The cookie is written inside the transaction. If the commit fails, a cookie in the
// response would belong to a session that does not exist. The client would also lose its
// existing session.
func TestLogin_FailedCommitSetsNoCookie(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.FailCommits("sessions")
		before := h.Dump()
		a := b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword})
		a.Want(500, "internal_error")
		if got := a.Header.Values("Set-Cookie"); got != nil {
			t.Errorf("got Set-Cookie %q, want none", got)
		}
		if after := h.Dump(); after != before {
			t.Errorf("the failed login changed the database\ngot  %s\nwant %s", after, before)
		}
		if lines := h.Logs.Requests(t); !strings.Contains(fmt.Sprint(lines[len(lines)-1]["cause"]), "commit") {
			t.Errorf("cause: got %v, want the commit", lines[len(lines)-1])
		}
		if !b.LoggedIn() {
			t.Error("the earlier session has ended")
		}
	})
}
