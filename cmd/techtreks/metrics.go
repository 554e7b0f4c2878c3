package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/metrics"
)

// A metricsServer serves only /metrics, on a separate port. A proxy that forwards
// everything to the public port then cannot expose the metrics. The zero value serves
// nothing.
type metricsServer struct {
	listener net.Listener
	web      *http.Server
}

// listenForMetrics opens the port if METRICS_ADDR is set. A port that is not available
// ends the start.
func listenForMetrics(cfg *config.Config) (*metricsServer, error) {
	if cfg.MetricsAddr == "" {
		return &metricsServer{}, nil
	}
	listener, err := net.Listen("tcp", cfg.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("METRICS_ADDR: %w", err)
	}
	return &metricsServer{listener: listener}, nil
}

// start serves the metrics until close. Errors are only logged: the server keeps serving
// without metrics.
func (s *metricsServer) start(ctx context.Context, m *metrics.Metrics, logger *slog.Logger) {
	if s.listener == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler(logger))
	s.web = newHTTPServer(mux, logger)
	logger.InfoContext(ctx, "metrics", "address", s.listener.Addr().String())
	go func() {
		if err := s.web.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			logger.ErrorContext(ctx, "serving metrics failed", "error", err)
		}
	}()
}

// metricsStopWithin is the time for requests of the metrics to finish at shutdown.
const metricsStopWithin = time.Second

// close stops the metrics server. It runs last, so that the metrics cover the shutdown of
// the main server.
func (s *metricsServer) close() error {
	switch {
	case s.listener == nil:
		return nil
	case s.web == nil:
		return s.listener.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), metricsStopWithin)
	defer cancel()
	if err := s.web.Shutdown(ctx); err != nil {
		return s.web.Close()
	}
	return nil
}
