package apptest

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/techtreks/auth/internal/password"
)

// Concurrently calls do n times at the same time and waits for all calls.
func Concurrently(n int, do func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { do(i) })
	}
	wait.Wait()
}

// Successes sends n requests at once and returns the number of responses with 200. All
// others must be 400, or 503 from the gate of the hasher.
func Successes(h *Harness, n int, send func(b *Browser, i int) *Answer) int {
	h.T.Helper()
	statuses := make(chan int, n)
	var wait sync.WaitGroup
	for i := range n {
		b := h.Browser()
		wait.Go(func() { statuses <- send(b, i).Status })
	}
	wait.Wait()
	close(statuses)
	ok := 0
	for status := range statuses {
		switch status {
		case 200:
			ok++
		case 400, 503: // 503 comes from the gate of the hasher
		default:
			h.T.Errorf("status %d", status)
		}
	}
	return ok
}

// Until waits for a condition that is about to hold. If it never does, the time limit of go
// test reports this line.
func Until(happened func() bool) {
	for !happened() {
		runtime.Gosched()
	}
}

// OccupyGate occupies the only slot of the gate of the hasher until release is called.
// release returns when the slot is free.
func (h *Harness) OccupyGate() (release func()) {
	h.T.Helper()
	// An hour, so that no test depends on the end of the wait: it would hang instead.
	h.SetPasswords(&password.Hasher{Params: h.Passwords().Params, Gate: password.Gate{Slots: 1, Queue: 1, Wait: time.Hour}})
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		_ = h.Passwords().Gate.Do(context.Background(), func() { close(inside); <-leave })
	}()
	<-inside
	return func() { close(leave); <-left }
}

// SaturateGate fills the gate and its queue until release is called.
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

// DuringHash sends a request that hashes a password. It calls happens after the request
// has read the account and before it hashes. happens gets a second server on the same
// database with a free gate.
func (h *Harness) DuringHash(request func() *Answer, happens func(other *Harness)) *Answer {
	h.T.Helper()
	other := h.StartAnother()
	other.Accounts.Registration = h.Accounts.Registration
	release := h.OccupyGate()
	var a *Answer
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		a = request()
	}()
	Until(func() bool { return h.Passwords().Gate.Waiting() == 1 })
	happens(other)
	release()
	<-answered
	return a
}

// SwapCase swaps upper and lower case ASCII letters.
func SwapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 32
		case 'A' <= r && r <= 'Z':
			return r + 32
		}
		return r
	}, s)
}
