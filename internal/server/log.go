package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/reqctx"
)

// Refusal groups equal refusals in the log. Of its fields only network is chosen by the
// client without bounds.
type Refusal struct {
	network             string
	method, route, code string
	status              int
}

// maxRefusals bounds the memory for refusals, and the lines that clients with many
// addresses can write. Further refusals are grouped without the network.
const maxRefusals = 4096

// logRequest writes one line per request, and counts repeated refusals: a flood must not
// fill the disk.
func (s *Server) logRequest(c *gin.Context) {
	start := s.Now()
	defer func() {
		ctx, now := c.Request.Context(), s.Now()
		state, info := exchangeFrom(ctx), reqctx.From(ctx)
		state.deferred.Release(ctx)
		about := Refusal{
			network: clientip.Network(info.ClientAddr), method: knownMethod(info.Method), route: route(ctx), status: c.Writer.Status(),
		}
		level := slog.LevelInfo
		switch {
		case state.failure == nil && isProbe(ctx):
			level = slog.LevelDebug // frequent, and without news
		case state.failure == nil:
		case state.failure.Status == http.StatusInternalServerError:
			// Never suppressed: a user may report this very request.
			about.code, level = state.failure.Code, slog.LevelError
		default:
			about.code = state.failure.Code
			s.LogRepeats(ctx, false)
			overflow := about
			overflow.network = ""
			if _, first := s.Refusals.Admit(now, about, overflow, struct{}{}); !first {
				s.Metrics.LogSuppressed()
				return
			}
		}
		s.Logger.LogAttrs(ctx, level, "request", requestLine(ctx, about, now.Sub(start))...)
	}()
	c.Next()
}

// requestLine returns the members of a line. The route is the contract's template, never
// the path that the client sent, which may contain a token.
func requestLine(ctx context.Context, about Refusal, took time.Duration) []slog.Attr {
	info, failure := reqctx.From(ctx), exchangeFrom(ctx).failure
	attrs := []slog.Attr{
		slog.String("request_id", info.RequestID),
		slog.String("method", about.method),
		slog.String("route", about.route),
		slog.Int("status", about.status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("ip", info.ClientAddr.String()),
	}
	if info.Actor != 0 {
		attrs = append(attrs, slog.Int64("user_id", info.Actor))
	}
	if errors.Is(context.Cause(ctx), context.Canceled) {
		attrs = append(attrs, slog.Bool("client_left", true))
	}
	if failure != nil {
		attrs = append(attrs, slog.String("code", failure.Code))
		if failure.Cause != nil {
			attrs = append(attrs, slog.String("cause", failure.Cause.Error()))
		}
	}
	return attrs
}

// LogRepeats writes a line for each group of refusals that were suppressed in a minute
// that has ended. If all is true, it includes minutes that have not ended. Call it
// every few seconds and at shutdown.
func (s *Server) LogRepeats(ctx context.Context, all bool) {
	for _, r := range s.Refusals.Take(s.Now(), all) {
		attrs := []slog.Attr{
			slog.String("method", r.Key.method), slog.String("route", r.Key.route),
			slog.Int("status", r.Key.status), slog.String("code", r.Key.code),
			slog.Int64("repeats", r.Count), slog.Time("since", r.Since.UTC()),
		}
		if r.Key.network != "" {
			attrs = append(attrs, slog.String("ip", r.Key.network))
		}
		s.Logger.LogAttrs(ctx, slog.LevelInfo, "requests like those before", attrs...)
	}
}

// route returns the contract's path of a request, metrics.Unmatched if it has none.
func route(ctx context.Context) string {
	if op := contract.OperationFrom(ctx); op != nil {
		return op.Path
	}
	return metrics.Unmatched
}

// isProbe reports whether a request is a health check.
func isProbe(ctx context.Context) bool {
	op := contract.OperationFrom(ctx)
	return op != nil && (op.ID == "getHealth" || op.ID == "getReadiness")
}

// knownMethod keeps invented methods out of logs and metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "other"
}
