package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/session"
)

// logRequest writes one line per request, but for the repeats of a refusal,
// which it counts.
func (s *Server) logRequest(c *gin.Context) {
	start := s.Now()
	defer func() {
		ctx, now := c.Request.Context(), s.Now()
		state := requestFrom(ctx)
		state.audited.Release(ctx)
		about := refusal{
			ip: state.ip, method: knownMethod(c.Request.Method), route: route(ctx), status: c.Writer.Status(),
		}
		level := slog.LevelInfo
		switch {
		case state.err == nil && isProbe(ctx):
			level = slog.LevelDebug // they come every few seconds and say nothing new
		case state.err == nil:
		case state.err.Status == http.StatusInternalServerError:
			// What is wrong with the server is never one of many: somebody may ask
			// about this very request.
			about.code, level = state.err.Code, slog.LevelError
		default:
			about.code = state.err.Code
			first, ended := s.refusals.admit(now, about)
			s.logRepeats(ctx, ended)
			if !first {
				s.Metrics.LogSuppressed()
				return
			}
		}
		s.Logger.LogAttrs(ctx, level, "request", requestLine(ctx, state, about, now.Sub(start))...)
	}()
	c.Next()
}

// requestLine is what the log says of a request. The path is the contract's,
// never what the client sent: a path can carry a token, and a mistyped one can
// carry anything.
func requestLine(ctx context.Context, state *request, about refusal, took time.Duration) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("request_id", state.id),
		slog.String("method", about.method),
		slog.String("route", about.route),
		slog.Int("status", about.status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("ip", state.ip.String()),
	}
	if current := session.From(ctx); current != nil && state.userID == 0 {
		state.userID = current.User.ID
	}
	if state.userID != 0 {
		attrs = append(attrs, slog.Int64("user_id", state.userID))
	}
	if errors.Is(context.Cause(ctx), context.Canceled) {
		attrs = append(attrs, slog.Bool("client_left", true))
	}
	if state.err != nil {
		attrs = append(attrs, slog.String("code", state.err.Code))
		if state.err.Cause != nil {
			attrs = append(attrs, slog.String("cause", state.err.Cause.Error()))
		}
	}
	return attrs
}

// LogRepeats writes what was counted instead of logged in a minute that is over,
// for the case that no further refusal comes to do it; at the end of the server
// also what was counted in this one.
func (s *Server) LogRepeats(ctx context.Context, atTheEnd bool) {
	s.logRepeats(ctx, s.refusals.over(s.Now(), atTheEnd))
}

func (s *Server) logRepeats(ctx context.Context, ended []repeated) {
	for _, r := range ended {
		attrs := []slog.Attr{
			slog.String("method", r.method), slog.String("route", r.route),
			slog.Int("status", r.status), slog.String("code", r.code),
			slog.Int64("repeats", r.repeats), slog.Time("since", r.since.UTC()),
		}
		if r.ip.IsValid() {
			attrs = append(attrs, slog.String("ip", client(r.ip)))
		}
		s.Logger.LogAttrs(ctx, slog.LevelInfo, "requests like those before", attrs...)
	}
}

// route is the contract's path of a request, metrics.Unmatched if it has none.
func route(ctx context.Context) string {
	if op := contract.OperationFrom(ctx); op != nil {
		return op.Path
	}
	return metrics.Unmatched
}

// isProbe reports whether a machine asks how the server is.
func isProbe(ctx context.Context) bool {
	op := contract.OperationFrom(ctx)
	return op != nil && (op.ID == "getHealth" || op.ID == "getReadiness")
}

// knownMethod keeps invented methods out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "other"
}
