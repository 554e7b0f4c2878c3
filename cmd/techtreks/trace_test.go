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

// At shutdown the server sends the remaining spans. The log has the trace id of each
// request.
func TestTracing_SendsSpansAtShutdown(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		var traced atomic.Bool
		collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.URL.Path == "/v1/traces" && strings.Contains(string(body), "GET /readyz") && strings.Contains(string(body), "my-auth") {
				traced.Store(true)
			}
		}))
		defer collector.Close()
		p := serve(t, serverSettings(url).with(settings{
			"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_SERVICE_NAME": "my-auth", "LOG_LEVEL": "debug",
			"OTEL_BSP_SCHEDULE_DELAY": "3600000", // so only at shutdown
		}))
		newClient(t, p.url).call(t, "GET", "/readyz", "", nil)
		p.stop()
		if !traced.Load() {
			t.Error("no span of the request was sent")
		}
		found := false
		for _, line := range p.log() {
			id, _ := line["trace_id"].(string)
			found = found || line["route"] == "/readyz" && len(id) == 32
		}
		if !found {
			t.Errorf("the log lacks the trace id\n%s", p.stdout.String())
		}
	})
}

// An unreachable collector affects only the log.
func TestTracing_UnreachableCollectorIsHarmless(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		p := serve(t, serverSettings(url).with(settings{"OTEL_EXPORTER_OTLP_ENDPOINT": gone.URL}))
		c := newClient(t, p.url)
		if _, err := c.login(c.register(t)); err != nil {
			t.Error(err)
		}
		p.stop()
	})
}

func TestTracing_UnsupportedProtocolEndsTheStart(t *testing.T) {
	p := runToEnd(t, serverSettings("sqlite:here.db").with(settings{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
	}), "serve")
	if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.stdout.String(), "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf") {
		t.Errorf("exit status %d\n%s", status, p.stdout.String())
	}
}
