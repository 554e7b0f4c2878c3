package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// hashing are the requests that hash a password.
var hashing = map[string]any{
	"/auth/login":    apptest.Members{"username": "alice", "password": apptest.GoodPassword},
	"/auth/register": apptest.Members{"username": "bob", "email": "bob@example.com", "password": apptest.GoodPassword},
}

// 200 logins at once took 3.6 GiB. The queue is short, and those behind it are
// told so at once, with the wait that the gate is set to (an hour here); unknown users among them, or the refusal would tell who has
// an account.
func TestFullGateRefusesAtOnce(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		release := h.SaturateGate()
		before := h.Dump()
		for path, body := range apptest.InOrder(hashing) {
			a := h.Browser().Call("POST", path, body).Want(503, "busy")
			if a.Header.Get("Retry-After") != "3600" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", path, a.Header)
			}
		}
		for _, body := range []apptest.Members{{"username": "nobody", "password": "x"}, {"username": "alice", "password": "wrong"}} {
			h.Browser().Call("POST", "/auth/login", body).Want(503, "busy")
		}
		h.Browser().Call("GET", "/auth/current_user", nil).Want(200, "") // who does not hash does not wait
		if h.Dump() != before {
			t.Error("a refused request changed the database")
		}
		if n := h.Passwords().Hashes(); n != 1 {
			t.Errorf("%d hashes, want only the one that fills the gate", n)
		}
		release()
		h.Browser().Login("alice")
	})
}

// A client that hangs up and asks again must not keep the processors busy with
// both.
func TestNothingIsHashedForThoseWhoHaveLeft(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		gone, leave := context.WithCancel(t.Context())
		leave()
		b, before := h.InProcess(), h.Passwords().Hashes()
		for path, body := range apptest.InOrder(hashing) {
			b.Call("POST", path, body, func(r *http.Request) { *r = *r.WithContext(gone) }).Want(503, "unavailable")
		}
		if n := h.Passwords().Hashes() - before; n != 0 {
			t.Errorf("%d hashes for nobody", n)
		}
		if n := h.Count("SELECT count(*) FROM users") + h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d rows, want alice alone", n)
		}
	})
}

// The same for one who leaves while waiting in the queue, over a real
// connection: net/http must notice, and the gate must be told.
func TestWhoLeavesTheQueueIsNotHashed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		for path, body := range apptest.InOrder(hashing) {
			release := h.OccupyGate()
			ctx, leave := context.WithCancel(t.Context())
			b := h.Browser()
			r, err := http.NewRequestWithContext(ctx, "POST", h.URL+path, strings.NewReader(apptest.Quoted(body)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			ended := make(chan error)
			go func() {
				response, err := b.Client.Do(r)
				if err == nil {
					_ = response.Body.Close()
				}
				ended <- err
			}()
			apptest.Until(func() bool { return h.Passwords().Gate.Waiting() == 1 })
			leave()
			if err := <-ended; err == nil {
				t.Error("the request was answered")
			}
			apptest.Until(func() bool { return h.Passwords().Gate.Waiting() == 0 })
			release()
			if n := h.Passwords().Hashes(); n != 1 {
				t.Errorf("%s: %d hashes, want only the one that filled the gate", path, n)
			}
		}
	})
}
