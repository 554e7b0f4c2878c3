// Package tracing sends spans to an OpenTelemetry collector: one for a request,
// and within it one for each statement of SQL and each password hash.
//
// It is set by the variables that OpenTelemetry has standardised, which its SDK
// reads by itself. So this package is the one exception to the rule that only
// package config reads the environment, and .env does not count here. Without an
// endpoint there is no [Tracer], and nothing of the SDK is in the way of a
// request.
//
// A span says which operation, which query by its name, how long and how it
// ended. Nothing that a client has sent is in it: no address, no name, no
// parameter of a query, no text of an error, which may quote one.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Tracer makes spans and sends them, in the background and in batches. When
// the collector does not take them they are dropped.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// The variables that decide whether there is a Tracer.
const (
	endpointVar       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpointVar = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocolVar       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocolVar = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	exporterVar       = "OTEL_TRACES_EXPORTER"
	disabledVar       = "OTEL_SDK_DISABLED"
)

// Start makes the Tracer that the environment asks for, nil if it asks for none.
// logger is told when spans do not arrive.
func Start(ctx context.Context, version string, logger *slog.Logger) (*Tracer, error) {
	on, err := wanted(os.Getenv)
	if err != nil || !on {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx) // connects when there is something to send
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "techtreks"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME goes before the name above
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	// The SDK has one such handler for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.Warn("traces not sent", "error", err)
	}))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/techtreks/auth")}, nil
}

// wanted reports whether there is to be a Tracer. What cannot be done as it was
// asked for is refused: it would be missed when it is needed. No message has a
// value, which may hold a key.
func wanted(getenv func(string) string) (bool, error) {
	endpoint, name := getenv(tracesEndpointVar), tracesEndpointVar
	if endpoint == "" {
		endpoint, name = getenv(endpointVar), endpointVar
	}
	if endpoint == "" || strings.EqualFold(getenv(disabledVar), "true") || getenv(exporterVar) == "none" {
		return false, nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false, fmt.Errorf("%s must be a URL like http://localhost:4318", name)
	}
	if exporter := getenv(exporterVar); exporter != "" && exporter != "otlp" {
		return false, fmt.Errorf("%s must be otlp or none", exporterVar)
	}
	protocol := getenv(tracesProtocolVar)
	if protocol == "" {
		protocol = getenv(protocolVar)
	}
	if !slices.Contains([]string{"", "http/protobuf"}, protocol) {
		return false, fmt.Errorf("%s must be http/protobuf", protocolVar)
	}
	return true, nil
}

// stopWithin bounds the wait for a collector at the end of the program.
const stopWithin = time.Second

// Stop sends what has not been sent. A nil Tracer has nothing to send.
func (t *Tracer) Stop() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Logger returns one whose lines name the trace that they belong to.
func (t *Tracer) Logger(logger *slog.Logger) *slog.Logger {
	if t == nil {
		return logger
	}
	return slog.New(logHandler{logger.Handler()})
}

// logHandler adds to a line the trace of its context.
type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }
