package tracing

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/http"
	"strings"
	"time"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A Request is what its span says when it ends.
type Request struct {
	ID, Method, Route string // as in the log
	Status            int
	Code              string // of the failure, empty for success
}

// Request begins the span of a request and returns how to end it. The trace that
// a client names in traceparent is continued if it is trusted, and otherwise
// linked: strangers are not to decide what is kept, nor to write into traces of
// others.
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

// Hash makes the span of a password hash that has ended. refused says that it
// never got its turn.
func (t *Tracer) Hash(ctx context.Context, begin time.Time, waited, worked time.Duration, refused bool) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	_, span := t.tracer.Start(ctx, "password hash", trace.WithTimestamp(begin), trace.WithAttributes(
		attribute.Float64("techtreks.hash.wait_ms", milliseconds(waited)),
		attribute.Float64("techtreks.hash.work_ms", milliseconds(worked)),
	))
	if refused {
		span.SetAttributes(attribute.String("error.type", "busy"))
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(begin.Add(waited + worked)))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// OpenDB opens a pool whose statements are spans of the requests they are for.
// They have the name of the query, and neither its text nor what is asked.
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
			RecordError:          func(error) bool { return false }, // a database quotes what it refuses
			OmitConnResetSession: true, OmitConnPrepare: true, OmitRows: true, OmitConnectorConnect: true,
			// What no request has asked for, such as the look into the outbox every
			// few seconds, would be a trace each time.
			SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
				return trace.SpanContextFromContext(ctx).IsValid()
			},
		}),
	)
}

// queryName is the name that sqlc writes into the comment before a query.
func queryName(query string) string {
	rest, ok := strings.CutPrefix(query, "-- name: ")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, " ")
	return name
}
