package tracing

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestTheEnvironmentDecides(t *testing.T) {
	const endpoint = "http://collector:4318"
	for name, tc := range map[string]struct {
		env   map[string]string
		on    bool
		fault string
	}{
		"Nothing":            {env: nil},
		"Endpoint":           {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, on: true},
		"EndpointForTraces":  {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint + "/v1/traces"}, on: true},
		"NameAlone":          {env: map[string]string{"OTEL_SERVICE_NAME": "auth"}},
		"Disabled":           {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SDK_DISABLED": "true"}},
		"ExporterNone":       {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "none"}},
		"ExporterOTLP":       {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "otlp"}, on: true},
		"OtherExporter":      {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "zipkin"}, fault: "OTEL_TRACES_EXPORTER must be"},
		"Protobuf":           {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, on: true},
		"GRPC":               {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, fault: "OTEL_EXPORTER_OTLP_PROTOCOL must be"},
		"GRPCForTraces":      {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, fault: "must be http/protobuf"},
		"NoURL":              {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "s3cret-host:4318"}, fault: "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"},
		"NoURLForTracesOnly": {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "s3cret"}, fault: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be a URL"},
	} {
		t.Run(name, func(t *testing.T) {
			on, err := wanted(func(name string) string { return tc.env[name] })
			if on != tc.on || (err != nil) != (tc.fault != "") || err != nil && (!strings.Contains(err.Error(), tc.fault) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("got %v, %v", on, err)
			}
		})
	}
}

// Without a collector there is no tracer, and what is asked of one that is not
// there does nothing.
func TestNoCollectorIsNoTracer(t *testing.T) {
	tracer, err := Start(t.Context(), "test", slog.New(slog.DiscardHandler))
	if tracer != nil || err != nil {
		t.Fatalf("got %v, %v", tracer, err)
	}
	logger := slog.New(slog.DiscardHandler)
	if tracer.Logger(logger) != logger {
		t.Error("the logger is another")
	}
	if err := tracer.Stop(); err != nil {
		t.Error(err)
	}
}

// A collector that is not there, or takes and never answers, costs spans and
// nothing else: no request waits, and the end is not held up.
func TestADeadCollectorHoldsNobody(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"silent": silent.Addr().String(), "gone": gone.Addr().String()} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
		var said warnings
		tracer, err := Start(t.Context(), "test", slog.New(slog.NewTextHandler(&said, nil)))
		if err != nil {
			t.Fatal(err)
		}
		for range 10_000 { // far more than it keeps
			ctx, end := tracer.Request(t.Context(), http.Header{}, false)
			tracer.Hash(ctx, time.Now(), time.Millisecond, time.Millisecond, false)
			end(Request{ID: "x", Method: "GET", Route: "/", Status: 200})
		}
		if err := tracer.Stop(); err == nil && !said.there.Load() {
			t.Errorf("%s: nobody is told that traces are lost", name)
		}
	}
}

// warnings notes that something was logged.
type warnings struct{ there atomic.Bool }

func (w *warnings) Write(p []byte) (int, error) {
	w.there.Store(true)
	return len(p), nil
}

func TestQueriesAreNamed(t *testing.T) {
	for query, want := range map[string]string{
		"-- name: UserByID :one\nSELECT 1": "UserByID", "SELECT secret": "", "": "", "PRAGMA busy_timeout = 5": "", "-- name: X": "X",
	} {
		if got := queryName(query); got != want {
			t.Errorf("%q is %q", query, got)
		}
	}
}
