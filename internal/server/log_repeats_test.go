package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/apptest"
)

// from returns an edit that sends a request from the address.
func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

// L13: a client that is rejected ten thousand times causes ten lines and a number. Lines and
// number add up to all rejected requests.
func TestRequestLog_SuppressesRepeatedRefusals(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.Refusals.First = 0
		b := h.InProcess()
		const requests = 10_000
		flood(h, requests, "/auth/profile", func(int) string { return "192.0.2.1:1000" })
		if lines, repeats, _ := countRefusals(h, "login_required"); lines != 10 || repeats != 0 {
			t.Errorf("within the minute: got %d lines and %d repeats, want 10 and 0", lines, repeats)
		}
		// Other codes, clients and paths are logged separately.
		b.Call("GET", "/auth/profile", nil, from("192.0.2.2:1000")).Want(401, "login_required")
		b.Call("GET", "/auth/sessions", nil, from("192.0.2.1:1000")).Want(401, "login_required")
		b.Call("GET", "/nothing", nil, from("192.0.2.1:1000")).Want(404, "not_found")
		if lines, _, _ := countRefusals(h, "login_required"); lines != 12 {
			t.Errorf("got %d lines, want 12 with those of other clients and paths", lines)
		}
		if lines, _, _ := countRefusals(h, "not_found"); lines != 1 {
			t.Errorf("got %d lines with not_found, want 1", lines)
		}
		// A successful request is always logged.
		for range 20 {
			b.Call("GET", "/auth/current_user", nil, from("192.0.2.1:1000")).Want(200, "")
		}
		if n := len(h.Logs.Requests(t)); n != 10+2+1+20 {
			t.Errorf("got %d lines about requests, want 33", n)
		}

		h.Clock.Advance(time.Minute)
		b.Call("GET", "/auth/profile", nil, from("192.0.2.1:1000")).Want(401, "login_required")
		lines, repeats, reports := countRefusals(h, "login_required")
		if lines != 13 || reports != 1 || lines+repeats != requests+3 {
			t.Errorf("got %d lines and %d repeats in %d reports, want 13 lines, 1 report and a sum of %d", lines, repeats, reports, requests+3)
		}
		if got := h.Scrape()["techtreks_log_lines_suppressed_total"]; got != requests-10 {
			t.Errorf("got %v suppressed lines in the metrics, want %d", got, requests-10)
		}
		if size := len(h.Logs.String()); size > 64<<10 {
			t.Errorf("got a log of %d bytes, want at most 64 KiB", size)
		}
	})
}

func TestLogRepeats_ReportsSuppressedRefusals(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.Refusals.First = 0
		b := h.InProcess()
		reject := func(n int) {
			for i := range n {
				// All addresses belong to one IPv6 client.
				b.Call("GET", "/nothing", nil, from(fmt.Sprintf("[2001:db8::%x]:1", i))).Want(404, "not_found")
			}
		}
		reject(15)
		h.Edge.LogRepeats(t.Context(), false)
		if _, _, reports := countRefusals(h, "not_found"); reports != 0 {
			t.Errorf("within the minute: got %d reports, want 0", reports)
		}
		h.Clock.Advance(time.Minute)
		h.Edge.LogRepeats(t.Context(), false)
		h.Edge.LogRepeats(t.Context(), false)
		if lines, repeats, reports := countRefusals(h, "not_found"); lines != 10 || repeats != 5 || reports != 1 {
			t.Errorf("got %d lines and %d repeats in %d reports, want 10, 5 and 1", lines, repeats, reports)
		}
		reject(11)
		h.Edge.LogRepeats(t.Context(), true) // the server stops
		if lines, repeats, reports := countRefusals(h, "not_found"); lines != 20 || repeats != 6 || reports != 2 {
			t.Errorf("at the end: got %d lines and %d repeats in %d reports, want 20, 6 and 2", lines, repeats, reports)
		}
		if !strings.Contains(h.Logs.String(), `"ip":"2001:db8::/64"`) {
			t.Errorf("the report lacks the network:\n%s", h.Logs)
		}
	})
}

// With very many rejected clients, memory and log stay bounded, and the sum is right.
func TestRequestLog_BoundsRefusalsOfManyClients(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := apptest.NewServer(t, d)
		h.Edge.Refusals.First = 1
		const clients = 5000
		flood(h, clients, "/nothing", func(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/256, i%256) })
		lines, _, _ := countRefusals(h, "not_found")
		if lines > 4097 || h.Edge.Refusals.Keys() > 4097 {
			t.Errorf("got %d lines and %d keys in memory, want at most 4097", lines, h.Edge.Refusals.Keys())
		}
		h.Edge.LogRepeats(t.Context(), true)
		if lines, repeats, _ := countRefusals(h, "not_found"); lines+repeats != clients {
			t.Errorf("got %d lines and %d repeats, want a sum of %d", lines, repeats, clients)
		}
	})
}

// flood sends n GET requests to a path, with peer(i) as remote address. It neither checks
// nor records the responses, which would take longer than the requests.
func flood(h *apptest.Harness, n int, path string, peer func(i int) string) {
	h.T.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.T.Fatal(err)
	}
	for i := range n {
		r := httptest.NewRequestWithContext(h.T.Context(), "GET", path, nil)
		r.RemoteAddr = peer(i)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// countRefusals counts the log lines about rejected requests with a code: the lines, the
// repeats that the server counted instead of logging, and the reports of such counts.
func countRefusals(h *apptest.Harness, code string) (lines, repeats, reports int) {
	h.T.Helper()
	for _, line := range h.Logs.Lines(h.T) {
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
