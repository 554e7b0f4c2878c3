package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// flood sends n requests to an address without looking at the answers, which
// would take longer than they do, and so without recording them.
func (h *harness) flood(n int, path string, peer func(i int) string) {
	h.t.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range n {
		r := httptest.NewRequestWithContext(h.t.Context(), "GET", path, nil)
		r.RemoteAddr = peer(i)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// from sends a request as if it came from that address.
func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

// counted adds up lines about refusals: those that were written, and the
// numbers that stand for the rest.
func (h *harness) counted(code string) (lines, repeats, reports int) {
	h.t.Helper()
	for _, line := range h.logs.lines(h.t) {
		if line["code"] != code {
			continue
		}
		switch line["msg"] {
		case "request":
			lines++
		case "requests like those before":
			reports++
			repeats += int(line["repeats"].(float64))
		}
	}
	return lines, repeats, reports
}

// Whoever is refused ten thousand times writes ten lines and a number, and no
// refusal is missing from the sum (L13).
func TestAFloodOfRefusalsDoesNotFloodTheLog(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.Edge.Refusals.First = 0
		b := h.direct()
		const flood = 10_000
		h.flood(flood, "/auth/profile", func(int) string { return "192.0.2.1:1000" })
		if lines, repeats, _ := h.counted("login_required"); lines != 10 || repeats != 0 {
			t.Errorf("%d lines and %d counted within the minute", lines, repeats)
		}
		// Other refusals, other clients and other paths are not the same.
		b.call("GET", "/auth/profile", nil, from("192.0.2.2:1000")).want(401, "login_required")
		b.call("GET", "/auth/sessions", nil, from("192.0.2.1:1000")).want(401, "login_required")
		b.call("GET", "/nothing", nil, from("192.0.2.1:1000")).want(404, "not_found")
		if lines, _, _ := h.counted("login_required"); lines != 12 {
			t.Errorf("%d lines, want those of others too", lines)
		}
		if lines, _, _ := h.counted("not_found"); lines != 1 {
			t.Errorf("%d lines about what was not found", lines)
		}
		// One that is answered is always a line.
		for range 20 {
			b.call("GET", "/auth/current_user", nil, from("192.0.2.1:1000")).want(200, "")
		}
		if n := len(h.logs.requests(t)); n != 10+2+1+20 {
			t.Errorf("%d lines about requests", n)
		}

		h.clock.advance(time.Minute)
		b.call("GET", "/auth/profile", nil, from("192.0.2.1:1000")).want(401, "login_required")
		lines, repeats, reports := h.counted("login_required")
		if lines != 13 || reports != 1 || lines+repeats != flood+3 {
			t.Errorf("%d lines, %d counted in %d reports of %d", lines, repeats, reports, flood+3)
		}
		if got := h.scrape()["techtreks_log_lines_suppressed_total"]; got != flood-10 {
			t.Errorf("the metrics say %v", got)
		}
		if size := len(h.logs.String()); size > 64<<10 {
			t.Errorf("the log has %d bytes", size)
		}
	})
}

func TestRepeatsAreReportedWhenNothingMoreComes(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.Edge.Refusals.First = 0
		b := h.direct()
		refuse := func(n int) {
			for i := range n {
				// The addresses of one IPv6 client.
				b.call("GET", "/nothing", nil, from(fmt.Sprintf("[2001:db8::%x]:1", i))).want(404, "not_found")
			}
		}
		refuse(15)
		h.Edge.LogRepeats(t.Context(), false)
		if _, _, reports := h.counted("not_found"); reports != 0 {
			t.Error("reported before the minute is over")
		}
		h.clock.advance(time.Minute)
		h.Edge.LogRepeats(t.Context(), false)
		h.Edge.LogRepeats(t.Context(), false)
		if lines, repeats, reports := h.counted("not_found"); lines != 10 || repeats != 5 || reports != 1 {
			t.Errorf("%d lines, %d counted in %d reports", lines, repeats, reports)
		}
		refuse(11)
		h.Edge.LogRepeats(t.Context(), true) // the server ends
		if lines, repeats, reports := h.counted("not_found"); lines != 20 || repeats != 6 || reports != 2 {
			t.Errorf("%d lines, %d counted in %d reports at the end", lines, repeats, reports)
		}
		if !strings.Contains(h.logs.String(), `"ip":"2001:db8::/64"`) {
			t.Errorf("the report does not name the network:\n%s", h.logs)
		}
	})
}

// Very many clients, each refused often enough: what is kept and what is
// written stays bounded, and the sum is right.
func TestManyRefusedClientsStayBounded(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newServer(t, d)
		h.Edge.Refusals.First = 1
		const clients = 5000
		h.flood(clients, "/nothing", func(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/256, i%256) })
		lines, _, _ := h.counted("not_found")
		if lines > 4097 || h.Edge.Refusals.Keys() > 4097 {
			t.Errorf("%d lines, %d kept", lines, h.Edge.Refusals.Keys())
		}
		h.Edge.LogRepeats(t.Context(), true)
		if lines, repeats, _ := h.counted("not_found"); lines+repeats != clients {
			t.Errorf("%d lines and %d counted of %d", lines, repeats, clients)
		}
	})
}

// What is wrong with the server itself is a line each time: somebody may ask
// about this very request. What it is asked how it does is none.
func TestErrorsAreAlwaysLoggedAndProbesAreNot(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		broken := withoutPasswords(h.another())
		broken.Edge.Refusals.First = 0
		b := broken.direct()
		for range 30 {
			b.call("POST", "/auth/login", members{"username": "alice", "password": "x"}).want(500, "internal_error")
			b.call("GET", "/healthz", nil).want(200, "")
			b.call("GET", "/readyz", nil).want(200, "")
		}
		levels := map[any]int{}
		for _, line := range broken.logs.requests(t) {
			levels[line["level"]]++
		}
		if levels["ERROR"] != 30 || levels["DEBUG"] != 60 || len(levels) != 2 {
			t.Errorf("got %v", levels)
		}
	})
}
