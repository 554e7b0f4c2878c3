package tracing

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/http"
	"strings"
	"time"

	"github.com/XSAM/otelsql"
	"github.com/techtreks/auth/internal/problem"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A Request contains the attributes of a request's span, known at its end.
type Request struct {
	ID, Method, Route string // as in the log
	Status            int
	Code              string // error code, empty for success
}

// Request starts the span of a request and returns the function that ends it. If the
// client is trusted, the span continues the trace in its traceparent header. Otherwise
// it only links to that trace: other clients must not decide which traces are kept, nor
// add spans to the traces of others.
func (t *Tracer) Request(ctx context.Context, header http.Header, trusted bool) (context.Context, func(Request)) {
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}
	from := propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
	switch remote := trace.SpanContextFromContext(from); {
	case !remote.IsValid():
	case trusted:
		ctx = from
	default:
		options = append(options, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: remote}))
	}
	ctx, span := t.tracer.Start(ctx, "request", options...)
	return ctx, func(r Request) {
		span.SetName(r.Method + " " + r.Route)
		span.SetAttributes(
			attribute.String("http.request.method", r.Method),
			attribute.String("http.route", r.Route),
			attribute.Int("http.response.status_code", r.Status),
			attribute.String("techtreks.request_id", r.ID),
		)
		if r.Code != "" {
			span.SetAttributes(attribute.String("error.type", r.Code))
		}
		if r.Status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Hash records the span of a password hash that has ended. refused means that the gate
// refused the hash.
func (t *Tracer) Hash(ctx context.Context, begin time.Time, waited, worked time.Duration, refused bool) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	_, span := t.tracer.Start(ctx, "password hash", trace.WithTimestamp(begin), trace.WithAttributes(
		attribute.Float64("techtreks.hash.wait_ms", milliseconds(waited)),
		attribute.Float64("techtreks.hash.work_ms", milliseconds(worked)),
	))
	if refused {
		span.SetAttributes(attribute.String("error.type", problem.Busy.Code))
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(begin.Add(waited + worked)))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// OpenDB opens a pool with a span for each statement, within the span of its request.
// A span has the name of the query, but neither its text nor its parameters.
func (t *Tracer) OpenDB(c driver.Connector) *sql.DB {
	return otelsql.OpenDB(c,
		otelsql.WithTracerProvider(t.provider),
		otelsql.WithSpanNameFormatter(func(_ context.Context, method otelsql.Method, query string) string {
			if name := queryName(query); name != "" {
				return name
			}
			return string(method)
		}),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableQuery: true, DisableErrSkip: true,
			RecordError:          func(error) bool { return false }, // database errors contain values
			OmitConnResetSession: true, OmitConnPrepare: true, OmitRows: true, OmitConnectorConnect: true,
			// Statements outside of requests, such as the frequent query of the outbox,
			// would each be a trace of their own.
			SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
				return trace.SpanContextFromContext(ctx).IsValid()
			},
		}),
	)
}

// queryName returns the name in the comment that sqlc puts before a query.
func queryName(query string) string {
	rest, ok := strings.CutPrefix(query, "-- name: ")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, " ")
	return name
}
