package apptest

import (
	"sync"

	"github.com/techtreks/auth/internal/config"
)

func WithRegistration(mode string) func(*config.Config) {
	return func(c *config.Config) { c.Registration = mode }
}

// IsVerified asks the API.
func (b *Browser) IsVerified() bool {
	b.H.T.Helper()
	return b.Call("GET", "/auth/profile", nil).Want(200, "").JSON()["email_verified"] == true
}

// Successes sends n requests at once and counts the 200s; all others must be 400.
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
		case 400, 503: // 503 is the gate before the hasher
		default:
			h.T.Errorf("status %d", status)
		}
	}
	return ok
}
