package server_test

import (
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
)

func TestGetBanner_NamesThePortInDevelopment(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		if got := string(h.Browser().Call("GET", "/", nil).Body); got != "Backend is running on port 5001!" {
			t.Errorf("got %q, want the port 5001", got)
		}
	})
}

func TestGetReadiness_FailsWithDatabaseAndDuringShutdown(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("GET", "/readyz", nil).Want(200, "")
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		b.Call("GET", "/readyz", nil).Want(200, "") // the result is cached for a second
		h.Clock.Advance(time.Second)
		if got := b.Call("GET", "/readyz", nil).Want(503, "unavailable").Header.Get("Retry-After"); got != "2" {
			t.Errorf("Retry-After: got %q, want 2", got)
		}
		b.Call("GET", "/healthz", nil).Want(200, "")
		h.Service.Draining.Store(true)
		b.Call("GET", "/readyz", nil).Want(503, "shutting_down")
		b.Call("GET", "/healthz", nil).Want(200, "")
	})
}
