package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/password"
)

func TestMetrics_CountRequestsByRouteStatusAndCode(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}).Want(401, "invalid_credentials")
		b.Call("POST", "/auth/login", apptest.Members{"username": "nobody", "password": "wrong"}).Want(401, "invalid_credentials")
		b.Call("POST", "/auth/login", "{").Want(400, "malformed_body")
		b.Call("HEAD", "/auth/profile", nil).Want(200, "")
		b.Call("GET", "/docs/nothing.js", nil).Want(404, "not_found")
		b.Call("DELETE", "/auth/profile", nil).Want(405, "method_not_allowed")
		for i := range 50 {
			b.Call("GET", fmt.Sprint("/secret", i), nil).Want(404, "not_found")
			b.Call(fmt.Sprint("SECRET", i), "/auth/login", nil).Want(405, "method_not_allowed")
		}
		h.WantMetrics(map[string]float64{
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
		for series := range h.Scrape() {
			if strings.Contains(strings.ToLower(series), "secret") || strings.Contains(series, "alice") || strings.Contains(series, "127.0.0.1") {
				t.Errorf("a label has a value from a request: %s", series)
			}
		}
	})
}

func TestMetrics_CountPanicAsInternalError(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		broken := withoutPasswords(h.StartAnother())
		broken.InProcess().Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "x"}).Want(500, "internal_error")
		broken.WantMetrics(map[string]float64{
			`techtreks_http_requests_total{code="internal_error",method="POST",route="/auth/login",status="500"}`: 1,
		})
	})
}

func TestMetrics_MeasurePasswordHashes(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		gate := &h.Passwords().Gate
		gate.Slots, gate.Queue, gate.Wait = 1, 1, time.Millisecond
		h.Browser().Register("alice")
		err := gate.Do(t.Context(), func() {
			h.WantMetrics(map[string]float64{"techtreks_password_hashes_running": 1, "techtreks_password_hashes_waiting": 0})
			b := h.Browser()
			b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": "x"}).Want(503, "busy")
		})
		if err != nil {
			t.Fatal(err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Passwords().Hash(cancelled, "x"); err == nil {
			t.Error("got a hash for a cancelled request, want an error")
		}
		h.WantMetrics(map[string]float64{
			"techtreks_password_hashes_running":              0,
			"techtreks_password_hashes_refused_total":        1,
			"techtreks_password_hash_wait_seconds_count":     3, // of the registration, of the test and of the rejected login
			"techtreks_password_hash_duration_seconds_count": 2,
			`techtreks_logins_total{outcome="busy"}`:         1,
		})
		if h.Passwords().Gate.Observer.Observe(t.Context(), password.Pass{Err: password.ErrBusy}); h.Scrape()["techtreks_password_hashes_refused_total"] != 2 {
			t.Error("a rejected hash is not counted")
		}
	})
}

func TestMetrics_MeasureOutboxPeriodically(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.WantMetrics(map[string]float64{"techtreks_outbox_pending": 0, "techtreks_outbox_dead": 0, "techtreks_outbox_oldest_seconds": 0})
		h.Browser().Register("alice")
		h.Browser().Register("bob")
		h.Clock.Advance(9 * time.Second)
		h.WantMetrics(map[string]float64{"techtreks_outbox_pending": 0}) // the value of nine seconds ago
		h.Clock.Advance(time.Second)
		h.WantMetrics(map[string]float64{"techtreks_outbox_pending": 2, "techtreks_outbox_oldest_seconds": 10})
		now := h.Clock.Now()
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE outbox SET dead_at = $1 WHERE id = (SELECT min(id) FROM outbox)", now); err != nil {
			t.Fatal(err)
		}
		h.MailWorker.Counters.Failed.Add(1)
		h.Clock.Advance(time.Minute)
		h.WantMetrics(map[string]float64{
			"techtreks_outbox_pending": 1, "techtreks_outbox_dead": 1, "techtreks_outbox_oldest_seconds": 70,
			`techtreks_mails_total{outcome="failed"}`: 1, `techtreks_mails_total{outcome="sent"}`: 0,
		})
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		h.Clock.Advance(time.Minute)
		h.WantMetrics(map[string]float64{"techtreks_outbox_pending": -1, "techtreks_outbox_dead": -1, "techtreks_outbox_oldest_seconds": -1})
		if n := strings.Count(h.Logs.String(), "outbox not measured"); n != 1 {
			t.Errorf("got %d lines about the failed measurement, want 1", n)
		}
	})
}

// Metrics, profiles and variables are for operators, and only on their own port
// (ASVS 5.0.0-13.4.5, 15.2.3).
func TestPublicPort_ExposesNoInternals(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, path := range []string{"/metrics", "/metrics/", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug", "/stats", "/swagger", "/docs", "/openapi.json", "/dev/mail"} {
			h.Browser().Call("GET", path, nil).Want(404, "not_found")
		}
	}, apptest.Production, func(c *config.Config) { c.MetricsAddr = "127.0.0.1:9090" })
}
