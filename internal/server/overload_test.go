package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// hashing has the requests that hash a password.
var hashing = map[string]any{
	"/auth/login":    apptest.Members{"username": "alice", "password": apptest.GoodPassword},
	"/auth/register": apptest.Members{"username": "bob", "email": "bob@example.com", "password": apptest.GoodPassword},
}

// 200 concurrent logins took 3.6 GiB. The queue is therefore short, and the server rejects
// further requests at once. Retry-After is the maximum wait of the gate (an hour here). Unknown
// users get the same response, because a difference would reveal which accounts exist.
func TestPasswordGate_RejectsRequestsWhenFull(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		release := h.SaturateGate()
		before := h.Dump()
		for path, body := range apptest.InOrder(hashing) {
			a := h.Browser().Call("POST", path, body).Want(503, "busy")
			if a.Header.Get("Retry-After") != "3600" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: got headers %v, want Retry-After 3600 and no cookie", path, a.Header)
			}
		}
		for _, body := range []apptest.Members{{"username": "nobody", "password": "x"}, {"username": "alice", "password": "wrong"}} {
			h.Browser().Call("POST", "/auth/login", body).Want(503, "busy")
		}
		h.Browser().Call("GET", "/auth/current_user", nil).Want(200, "") // requests that hash nothing do not wait
		if h.Dump() != before {
			t.Error("a rejected request changed the database")
		}
		if n := h.Passwords().Hashes(); n != 1 {
			t.Errorf("got %d hashes, want only the one that fills the gate", n)
		}
		release()
		h.Browser().Login("alice")
	})
}

// A client that disconnects and retries must not occupy the processors twice.
func TestPasswordGate_SkipsCancelledRequests(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		b, before := h.InProcess(), h.Passwords().Hashes()
		for path, body := range apptest.InOrder(hashing) {
			b.Call("POST", path, body, func(r *http.Request) { *r = *r.WithContext(cancelled) }).Want(503, "unavailable")
		}
		if n := h.Passwords().Hashes() - before; n != 0 {
			t.Errorf("got %d hashes, want 0", n)
		}
		if n := h.Count("SELECT count(*) FROM users") + h.Count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("got %d rows, want alice alone", n)
		}
	})
}

// A client disconnects while its request waits in the queue, over a real connection: net/http
// must notice and cancel the wait.
func TestPasswordGate_SkipsRequestsCancelledInTheQueue(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		for path, body := range apptest.InOrder(hashing) {
			release := h.OccupyGate()
			ctx, cancel := context.WithCancel(t.Context())
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
			cancel()
			if err := <-ended; err == nil {
				t.Error("got a response, want none")
			}
			apptest.Until(func() bool { return h.Passwords().Gate.Waiting() == 0 })
			release()
			if n := h.Passwords().Hashes(); n != 1 {
				t.Errorf("%s: got %d hashes, want only the one that filled the gate", path, n)
			}
		}
	})
}
