package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/apptest"
)

// from sends a request as if it came from that address.
func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

// Whoever is refused ten thousand times writes ten lines and a number, and no
// refusal is missing from the sum (L13).
func TestAFloodOfRefusalsDoesNotFloodTheLog(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.Refusals.First = 0
		b := h.InProcess()
		const flood = 10_000
		h.Flood(flood, "/auth/profile", func(int) string { return "192.0.2.1:1000" })
		if lines, repeats, _ := h.CountRefusals("login_required"); lines != 10 || repeats != 0 {
			t.Errorf("%d lines and %d counted within the minute", lines, repeats)
		}
		// Other refusals, other clients and other paths are not the same.
		b.Call("GET", "/auth/profile", nil, from("192.0.2.2:1000")).Want(401, "login_required")
		b.Call("GET", "/auth/sessions", nil, from("192.0.2.1:1000")).Want(401, "login_required")
		b.Call("GET", "/nothing", nil, from("192.0.2.1:1000")).Want(404, "not_found")
		if lines, _, _ := h.CountRefusals("login_required"); lines != 12 {
			t.Errorf("%d lines, want those of others too", lines)
		}
		if lines, _, _ := h.CountRefusals("not_found"); lines != 1 {
			t.Errorf("%d lines about what was not found", lines)
		}
		// One that is answered is always a line.
		for range 20 {
			b.Call("GET", "/auth/current_user", nil, from("192.0.2.1:1000")).Want(200, "")
		}
		if n := len(h.Logs.Requests(t)); n != 10+2+1+20 {
			t.Errorf("%d lines about requests", n)
		}

		h.Clock.Advance(time.Minute)
		b.Call("GET", "/auth/profile", nil, from("192.0.2.1:1000")).Want(401, "login_required")
		lines, repeats, reports := h.CountRefusals("login_required")
		if lines != 13 || reports != 1 || lines+repeats != flood+3 {
			t.Errorf("%d lines, %d counted in %d reports of %d", lines, repeats, reports, flood+3)
		}
		if got := h.Scrape()["techtreks_log_lines_suppressed_total"]; got != flood-10 {
			t.Errorf("the metrics say %v", got)
		}
		if size := len(h.Logs.String()); size > 64<<10 {
			t.Errorf("the log has %d bytes", size)
		}
	})
}

func TestRepeatsAreReportedWhenNothingMoreComes(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.Refusals.First = 0
		b := h.InProcess()
		refuse := func(n int) {
			for i := range n {
				// The addresses of one IPv6 client.
				b.Call("GET", "/nothing", nil, from(fmt.Sprintf("[2001:db8::%x]:1", i))).Want(404, "not_found")
			}
		}
		refuse(15)
		h.Edge.LogRepeats(t.Context(), false)
		if _, _, reports := h.CountRefusals("not_found"); reports != 0 {
			t.Error("reported before the minute is over")
		}
		h.Clock.Advance(time.Minute)
		h.Edge.LogRepeats(t.Context(), false)
		h.Edge.LogRepeats(t.Context(), false)
		if lines, repeats, reports := h.CountRefusals("not_found"); lines != 10 || repeats != 5 || reports != 1 {
			t.Errorf("%d lines, %d counted in %d reports", lines, repeats, reports)
		}
		refuse(11)
		h.Edge.LogRepeats(t.Context(), true) // the server ends
		if lines, repeats, reports := h.CountRefusals("not_found"); lines != 20 || repeats != 6 || reports != 2 {
			t.Errorf("%d lines, %d counted in %d reports at the end", lines, repeats, reports)
		}
		if !strings.Contains(h.Logs.String(), `"ip":"2001:db8::/64"`) {
			t.Errorf("the report does not name the network:\n%s", h.Logs)
		}
	})
}

// Very many clients, each refused often enough: what is kept and what is
// written stays bounded, and the sum is right.
func TestManyRefusedClientsStayBounded(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := apptest.NewServer(t, d)
		h.Edge.Refusals.First = 1
		const clients = 5000
		h.Flood(clients, "/nothing", func(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/256, i%256) })
		lines, _, _ := h.CountRefusals("not_found")
		if lines > 4097 || h.Edge.Refusals.Keys() > 4097 {
			t.Errorf("%d lines, %d kept", lines, h.Edge.Refusals.Keys())
		}
		h.Edge.LogRepeats(t.Context(), true)
		if lines, repeats, _ := h.CountRefusals("not_found"); lines+repeats != clients {
			t.Errorf("%d lines and %d counted of %d", lines, repeats, clients)
		}
	})
}

// What is wrong with the server itself is a line each time: somebody may ask
// about this very request. What it is asked how it does is none.
func TestErrorsAreAlwaysLoggedAndProbesAreNot(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		broken := withoutPasswords(h.StartAnother())
		broken.Edge.Refusals.First = 0
		b := broken.InProcess()
		for range 30 {
			b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "x"}).Want(500, "internal_error")
			b.Call("GET", "/healthz", nil).Want(200, "")
			b.Call("GET", "/readyz", nil).Want(200, "")
		}
		levels := map[any]int{}
		for _, line := range broken.Logs.Requests(t) {
			levels[line["level"]]++
		}
		if levels["ERROR"] != 30 || levels["DEBUG"] != 60 || len(levels) != 2 {
			t.Errorf("got %v", levels)
		}
	})
}
