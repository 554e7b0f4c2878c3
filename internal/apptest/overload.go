package apptest

import (
	"context"
	"runtime"
	"time"

	"github.com/techtreks/auth/internal/password"
)

// OccupyGate occupies the only slot of the gate until the returned function is
// called, which waits until the slot is free.
func (h *Harness) OccupyGate() (release func()) {
	h.T.Helper()
	// Nobody waits an hour: a test that needed the wait to end would hang.
	h.SetPasswords(&password.Hasher{Params: h.Passwords().Params, Gate: password.Gate{Slots: 1, Queue: 1, Wait: time.Hour}})
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		_ = h.Passwords().Gate.Do(context.Background(), func() { close(inside); <-leave })
	}()
	<-inside
	return func() { close(leave); <-left }
}

// SaturateGate fills the gate and its queue until the returned function is called.
func (h *Harness) SaturateGate() (release func()) {
	h.T.Helper()
	leave := h.OccupyGate()
	waiting, stop := context.WithCancel(context.Background())
	queued := make(chan struct{})
	go func() {
		defer close(queued)
		_ = h.Passwords().Gate.Do(waiting, func() {})
	}()
	Until(func() bool { return h.Passwords().Gate.Waiting() == 1 })
	return func() { stop(); <-queued; leave() }
}

// Until waits for something that is about to happen. If it never does, the time
// limit of go test shows this line.
func Until(happened func() bool) {
	for !happened() {
		runtime.Gosched()
	}
}
