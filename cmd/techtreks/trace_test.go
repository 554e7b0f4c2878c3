package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/techtreks/auth/db"
)

// What has been traced and not been sent is sent at the end, and the log names
// the trace of each request.
func TestTracesAreSentBeforeTheEnd(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		var traced atomic.Bool
		collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.URL.Path == "/v1/traces" && strings.Contains(string(body), "GET /readyz") && strings.Contains(string(body), "my-auth") {
				traced.Store(true)
			}
		}))
		defer collector.Close()
		p := serve(t, serving(url).with(settings{
			"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_SERVICE_NAME": "my-auth", "LOG_LEVEL": "debug",
			"OTEL_BSP_SCHEDULE_DELAY": "3600000", // not before the end, then
		}))
		newClient(t, p.url).call(t, "GET", "/readyz", "", nil)
		p.stop()
		if !traced.Load() {
			t.Error("the request was not traced")
		}
		named := false
		for _, line := range p.log() {
			id, _ := line["trace_id"].(string)
			named = named || line["route"] == "/readyz" && len(id) == 32
		}
		if !named {
			t.Errorf("the log does not name the trace\n%s", p.stdout.String())
		}
	})
}

// A collector that is gone changes nothing but the log.
func TestTheServerDoesWithoutItsCollector(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		p := serve(t, serving(url).with(settings{"OTEL_EXPORTER_OTLP_ENDPOINT": gone.URL}))
		c := newClient(t, p.url)
		if _, err := c.login(c.register(t)); err != nil {
			t.Error(err)
		}
		p.stop()
	})
}

func TestTracesThatCannotBeSentAsAskedEndTheStart(t *testing.T) {
	p := runToEnd(t, serving("sqlite:here.db").with(settings{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
	}), "serve")
	if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.stdout.String(), "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf") {
		t.Errorf("exit status %d\n%s", status, p.stdout.String())
	}
}
