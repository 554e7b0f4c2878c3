// Package tracing sends spans to an OpenTelemetry collector: one for each request, and
// within it one for each SQL statement and each password hash.
//
// The standard variables of OpenTelemetry configure it, and the SDK reads them itself.
// So this package is the exception to the rule that only package config reads the
// environment, and it ignores .env. Without an endpoint there is no [Tracer], and the
// SDK takes no part in requests.
//
// A span contains the operation, the name of the query, the duration and the outcome.
// It contains no data from clients: no address, no username, no parameter of a query
// and no error text, which may contain a parameter.
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

// A Tracer records spans and sends them in the background, in batches. It drops spans
// that the collector does not accept.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// The variables that enable or disable tracing.
const (
	endpointVar       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpointVar = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocolVar       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocolVar = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	exporterVar       = "OTEL_TRACES_EXPORTER"
	disabledVar       = "OTEL_SDK_DISABLED"
)

// Start returns a Tracer configured by the environment, or nil if the environment does
// not enable tracing. Failed exports are logged.
func Start(ctx context.Context, version string, logger *slog.Logger) (*Tracer, error) {
	on, err := enabled(os.Getenv)
	if err != nil || !on {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx) // connects at the first export
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "techtreks"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME overrides the name above
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	// The SDK has one error handler for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.Warn("traces not sent", "error", err)
	}))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/techtreks/auth")}, nil
}

// enabled reports whether the environment enables tracing. It rejects unsupported
// settings, so that a missing trace is not noticed only when it is needed. No message
// contains a value, because a value may contain a key.
func enabled(getenv func(string) string) (bool, error) {
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

// stopTimeout limits the wait for the collector at the end of the program.
const stopTimeout = time.Second

// Stop sends the remaining spans. It does nothing for a nil Tracer.
func (t *Tracer) Stop() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Logger returns a logger that adds the trace and span ids of the context.
func (t *Tracer) Logger(logger *slog.Logger) *slog.Logger {
	if t == nil {
		return logger
	}
	return slog.New(logHandler{logger.Handler()})
}

// logHandler adds the trace and span ids of the context to a record.
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
