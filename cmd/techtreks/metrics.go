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

// A metricsServer serves /metrics on a port of its own and nothing else, so
// that a proxy which forwards everything to the public port cannot give away
// what is meant for operators. The zero value stands for none.
type metricsServer struct {
	listener net.Listener
	web      *http.Server
}

// listenForMetrics takes the port, if there is to be one, so that one that
// cannot be had ends the start.
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

// start answers until close. What goes wrong with it is logged and no more: a
// server that cannot be watched still serves.
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
			logger.ErrorContext(ctx, "metrics are no longer served", "error", err)
		}
	}()
}

// metricsStopWithin is how long a collector that is reading may take to finish.
const metricsStopWithin = time.Second

// close ends it. It is the last to go, so that the end of the server can be
// watched.
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
