package app_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/password"
)

// fill occupies the only slot of the gate until the returned function is
// called, which waits until the slot is free.
func (h *harness) fill() (release func()) {
	h.t.Helper()
	// Nobody waits an hour: a test that needed the wait to end would hang.
	h.setPasswords(&password.Hasher{Params: h.passwords().Params, Gate: password.Gate{Slots: 1, Queue: 1, Wait: time.Hour}})
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		_ = h.passwords().Gate.Do(context.Background(), func() { close(inside); <-leave })
	}()
	<-inside
	return func() { close(leave); <-left }
}

// saturate fills the gate and its queue until the returned function is called.
func (h *harness) saturate() (release func()) {
	h.t.Helper()
	leave := h.fill()
	waiting, stop := context.WithCancel(context.Background())
	queued := make(chan struct{})
	go func() {
		defer close(queued)
		_ = h.passwords().Gate.Do(waiting, func() {})
	}()
	until(func() bool { return h.passwords().Gate.Waiting() == 1 })
	return func() { stop(); <-queued; leave() }
}

// until waits for something that is about to happen. If it never does, the time
// limit of go test shows this line.
func until(happened func() bool) {
	for !happened() {
		runtime.Gosched()
	}
}

// hashing are the requests that hash a password.
var hashing = map[string]any{
	"/auth/login":    members{"username": "alice", "password": goodPassword},
	"/auth/register": members{"username": "bob", "email": "bob@example.com", "password": goodPassword},
}

// 200 logins at once took 3.6 GiB. The queue is short, and those behind it are
// told so at once, with the wait that the gate is set to (an hour here); unknown users among them, or the refusal would tell who has
// an account.
func TestFullGateRefusesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		release := h.saturate()
		before := h.dump()
		for path, body := range inOrder(hashing) {
			a := h.browser().call("POST", path, body).want(503, "busy")
			if a.header.Get("Retry-After") != "3600" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", path, a.header)
			}
		}
		for _, body := range []members{{"username": "nobody", "password": "x"}, {"username": "alice", "password": "wrong"}} {
			h.browser().call("POST", "/auth/login", body).want(503, "busy")
		}
		h.browser().call("GET", "/auth/current_user", nil).want(200, "") // who does not hash does not wait
		if h.dump() != before {
			t.Error("a refused request changed the database")
		}
		if n := h.passwords().Hashes(); n != 1 {
			t.Errorf("%d hashes, want only the one that fills the gate", n)
		}
		release()
		h.browser().login("alice")
	})
}

// A client that hangs up and asks again must not keep the processors busy with
// both.
func TestNothingIsHashedForThoseWhoHaveLeft(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		gone, leave := context.WithCancel(t.Context())
		leave()
		b, before := h.direct(), h.passwords().Hashes()
		for path, body := range inOrder(hashing) {
			b.call("POST", path, body, func(r *http.Request) { *r = *r.WithContext(gone) }).want(503, "unavailable")
		}
		if n := h.passwords().Hashes() - before; n != 0 {
			t.Errorf("%d hashes for nobody", n)
		}
		if n := h.count("SELECT count(*) FROM users") + h.count("SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d rows, want alice alone", n)
		}
	})
}

// The same for one who leaves while waiting in the queue, over a real
// connection: net/http must notice, and the gate must be told.
func TestWhoLeavesTheQueueIsNotHashed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		for path, body := range inOrder(hashing) {
			release := h.fill()
			ctx, leave := context.WithCancel(t.Context())
			b := h.browser()
			r, err := http.NewRequestWithContext(ctx, "POST", h.url+path, strings.NewReader(quoted(body)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			ended := make(chan error)
			go func() {
				response, err := b.client.Do(r)
				if err == nil {
					_ = response.Body.Close()
				}
				ended <- err
			}()
			until(func() bool { return h.passwords().Gate.Waiting() == 1 })
			leave()
			if err := <-ended; err == nil {
				t.Error("the request was answered")
			}
			until(func() bool { return h.passwords().Gate.Waiting() == 0 })
			release()
			if n := h.passwords().Hashes(); n != 1 {
				t.Errorf("%s: %d hashes, want only the one that filled the gate", path, n)
			}
		}
	})
}
