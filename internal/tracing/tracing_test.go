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

func TestEnabled_DependsOnEnvironment(t *testing.T) {
	const endpoint = "http://collector:4318"
	for name, tc := range map[string]struct {
		env   map[string]string
		on    bool
		fault string
	}{
		"nothing":                   {env: nil},
		"endpoint":                  {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, on: true},
		"endpoint for traces":       {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint + "/v1/traces"}, on: true},
		"name alone":                {env: map[string]string{"OTEL_SERVICE_NAME": "auth"}},
		"disabled":                  {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SDK_DISABLED": "true"}},
		"exporter none":             {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "none"}},
		"exporter otlp":             {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "otlp"}, on: true},
		"other exporter":            {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "zipkin"}, fault: "OTEL_TRACES_EXPORTER must be"},
		"protobuf":                  {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, on: true},
		"grpc":                      {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, fault: "OTEL_EXPORTER_OTLP_PROTOCOL must be"},
		"grpc for traces":           {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, fault: "must be http/protobuf"},
		"not a url":                 {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "s3cret-host:4318"}, fault: "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"},
		"not a url for traces only": {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "s3cret"}, fault: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be a URL"},
	} {
		t.Run(name, func(t *testing.T) {
			on, err := enabled(func(name string) string { return tc.env[name] })
			if on != tc.on || (err != nil) != (tc.fault != "") || err != nil && (!strings.Contains(err.Error(), tc.fault) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("got %v, %v", on, err)
			}
		})
	}
}

// Without an endpoint there is no Tracer, and the methods of a nil Tracer do nothing.
func TestStart_WithoutEndpointReturnsNil(t *testing.T) {
	tracer, err := Start(t.Context(), "test", slog.New(slog.DiscardHandler))
	if tracer != nil || err != nil {
		t.Fatalf("got %v, %v", tracer, err)
	}
	logger := slog.New(slog.DiscardHandler)
	if tracer.Logger(logger) != logger {
		t.Error("Logger returned another logger")
	}
	if err := tracer.Stop(); err != nil {
		t.Error(err)
	}
}

// If the collector is unreachable or never responds, spans are lost. Requests and the end
// of the program do not wait.
func TestTracer_DeadCollectorDelaysNothing(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"silent": silent.Addr().String(), "closed": closed.Addr().String()} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
		var logged warnings
		tracer, err := Start(t.Context(), "test", slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		for range 10_000 { // far more spans than the queue holds
			ctx, end := tracer.Request(t.Context(), http.Header{}, false)
			tracer.Hash(ctx, time.Now(), time.Millisecond, time.Millisecond, false)
			end(Request{ID: "x", Method: "GET", Route: "/", Status: 200})
		}
		if err := tracer.Stop(); err == nil && !logged.any.Load() {
			t.Errorf("%s: neither an error nor a log line reports lost traces", name)
		}
	}
}

// warnings records whether anything was logged.
type warnings struct{ any atomic.Bool }

func (w *warnings) Write(p []byte) (int, error) {
	w.any.Store(true)
	return len(p), nil
}

func TestQueryName_FromComment(t *testing.T) {
	for query, want := range map[string]string{
		"-- name: UserByID :one\nSELECT 1": "UserByID", "SELECT secret": "", "": "", "PRAGMA busy_timeout = 5": "", "-- name: X": "X",
	} {
		if got := queryName(query); got != want {
			t.Errorf("%q is %q", query, got)
		}
	}
}
