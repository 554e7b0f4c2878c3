package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/password"
)

// scrape is what a collector would read, by series.
func (h *harness) scrape() map[string]float64 {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.Metrics.Handler(h.Logger).ServeHTTP(w, httptest.NewRequestWithContext(h.t.Context(), "GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		h.t.Fatalf("the metrics answer %d\n%s", w.Code, w.Body)
	}
	series := make(map[string]float64)
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		i := strings.LastIndexByte(lines.Text(), ' ')
		value, err := strconv.ParseFloat(lines.Text()[i+1:], 64)
		if err != nil {
			h.t.Fatalf("%q: %v", lines.Text(), err)
		}
		series[lines.Text()[:i]] = value
	}
	return series
}

// measured fails the test unless the series have these values; -1 is absent.
func (h *harness) measured(want map[string]float64) {
	h.t.Helper()
	got := h.scrape()
	for series, value := range want {
		if found, ok := got[series]; ok != (value != -1) || ok && found != value {
			h.t.Errorf("%s is %v (there: %v), want %v", series, found, ok, value)
		}
	}
}

func TestRequestsAreCountedByRouteStatusAndCode(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		b.call("POST", "/auth/login", members{"username": "alice", "password": "wrong"}).want(401, "invalid_credentials")
		b.call("POST", "/auth/login", members{"username": "nobody", "password": "wrong"}).want(401, "invalid_credentials")
		b.call("POST", "/auth/login", "{").want(400, "malformed_body")
		b.call("HEAD", "/auth/profile", nil).want(200, "")
		b.call("GET", "/docs/nothing.js", nil).want(404, "not_found")
		b.call("DELETE", "/auth/profile", nil).want(405, "method_not_allowed")
		for i := range 50 {
			b.call("GET", fmt.Sprint("/secret", i), nil).want(404, "not_found")
			b.call(fmt.Sprint("SECRET", i), "/auth/login", nil).want(405, "method_not_allowed")
		}
		h.measured(map[string]float64{
			`techtreks_http_requests_total{code="",method="POST",route="/auth/register",status="201"}`:                 1,
			`techtreks_http_requests_total{code="",method="POST",route="/auth/login",status="200"}`:                    1,
			`techtreks_http_requests_total{code="invalid_credentials",method="POST",route="/auth/login",status="401"}`: 2,
			`techtreks_http_requests_total{code="malformed_body",method="POST",route="/auth/login",status="400"}`:      1,
			`techtreks_http_requests_total{code="",method="HEAD",route="/auth/profile",status="200"}`:                  1,
			`techtreks_http_requests_total{code="not_found",method="GET",route="/docs/{asset}",status="404"}`:          1,
			`techtreks_http_requests_total{code="method_not_allowed",method="DELETE",route="unmatched",status="405"}`:  1,
			`techtreks_http_requests_total{code="method_not_allowed",method="other",route="unmatched",status="405"}`:   50,
			`techtreks_http_requests_total{code="not_found",method="GET",route="unmatched",status="404"}`:              50,
			`techtreks_http_request_duration_seconds_count{method="POST",route="/auth/login"}`:                         4,
			`techtreks_http_request_duration_seconds_count{method="other",route="unmatched"}`:                          50,
			`techtreks_logins_total{outcome="success"}`:                                                                1,
			`techtreks_logins_total{outcome="invalid_credentials"}`:                                                    2,
		})
		for series := range h.scrape() {
			if strings.Contains(strings.ToLower(series), "secret") || strings.Contains(series, "alice") || strings.Contains(series, "127.0.0.1") {
				t.Errorf("a request has made a label: %s", series)
			}
		}
	})
}

func TestAPanicIsCountedAsTheAnswerItBecomes(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		broken := withoutPasswords(h.another())
		broken.direct().call("POST", "/auth/login", members{"username": "alice", "password": "x"}).want(500, "internal_error")
		broken.measured(map[string]float64{
			`techtreks_http_requests_total{code="internal_error",method="POST",route="/auth/login",status="500"}`: 1,
		})
	})
}

func TestHashesAreMeasured(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		gate := &h.passwords().Gate
		gate.Slots, gate.Queue, gate.Wait = 1, 1, time.Millisecond
		h.browser().register("alice")
		err := gate.Do(t.Context(), func() {
			h.measured(map[string]float64{"techtreks_password_hashes_running": 1, "techtreks_password_hashes_waiting": 0})
			b := h.browser()
			b.call("POST", "/auth/login", members{"username": "alice", "password": "x"}).want(503, "busy")
		})
		if err != nil {
			t.Fatal(err)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := h.passwords().Hash(gone, "x"); err == nil {
			t.Error("hashed for nobody")
		}
		h.measured(map[string]float64{
			"techtreks_password_hashes_running":              0,
			"techtreks_password_hashes_refused_total":        1,
			"techtreks_password_hash_wait_seconds_count":     3, // the registration, the test's own, the refused one
			"techtreks_password_hash_duration_seconds_count": 2,
			`techtreks_logins_total{outcome="busy"}`:         1,
		})
		if h.passwords().Gate.Observer.Observe(t.Context(), password.Pass{Err: password.ErrBusy}); h.scrape()["techtreks_password_hashes_refused_total"] != 2 {
			t.Error("a refusal is not counted")
		}
	})
}

func TestTheOutboxIsMeasuredNowAndThen(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.measured(map[string]float64{"techtreks_outbox_pending": 0, "techtreks_outbox_dead": 0, "techtreks_outbox_oldest_seconds": 0})
		h.browser().register("alice")
		h.browser().register("bob")
		h.clock.advance(9 * time.Second)
		h.measured(map[string]float64{"techtreks_outbox_pending": 0}) // as it was nine seconds ago
		h.clock.advance(time.Second)
		h.measured(map[string]float64{"techtreks_outbox_pending": 2, "techtreks_outbox_oldest_seconds": 10})
		now := h.clock.Now()
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE outbox SET dead_at = $1 WHERE id = (SELECT min(id) FROM outbox)", now); err != nil {
			t.Fatal(err)
		}
		h.MailWorker.Counters.Failed.Add(1)
		h.clock.advance(time.Minute)
		h.measured(map[string]float64{
			"techtreks_outbox_pending": 1, "techtreks_outbox_dead": 1, "techtreks_outbox_oldest_seconds": 70,
			`techtreks_mails_total{outcome="failed"}`: 1, `techtreks_mails_total{outcome="sent"}`: 0,
		})
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		h.clock.advance(time.Minute)
		h.measured(map[string]float64{"techtreks_outbox_pending": -1, "techtreks_outbox_dead": -1, "techtreks_outbox_oldest_seconds": -1})
		if n := strings.Count(h.logs.String(), "outbox not measured"); n != 1 {
			t.Errorf("%d lines say why", n)
		}
	})
}

// Metrics, profiles and variables are for operators, and only on their own port
// (ASVS 5.0.0-13.4.5, 15.2.3).
func TestThePublicPortTellsNothingAboutTheInside(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for _, path := range []string{"/metrics", "/metrics/", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug", "/stats", "/swagger", "/docs", "/openapi.json", "/dev/mail"} {
			h.browser().call("GET", path, nil).want(404, "not_found")
		}
	}, inProduction, func(c *config.Config) { c.MetricsAddr = "127.0.0.1:9090" })
}
