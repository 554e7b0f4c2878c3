package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/app"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/tracing"
)

type serveCommand struct{}

// Run serves requests until a signal arrives, then finishes the requests in progress.
func (serveCommand) Run(ctx context.Context, cfg *config.Config, logger *slog.Logger, cost hashCost) error {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return err
	}
	setPort(cfg, listener)
	listener = limitConnections(listener)
	metricsHTTP, err := listenForMetrics(cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		if err := metricsHTTP.close(); err != nil {
			logger.ErrorContext(ctx, "metrics server not closed", "error", err)
		}
	}()
	tracer, err := tracing.Start(ctx, version, logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		if err := tracer.Stop(); err != nil {
			logger.WarnContext(ctx, "last traces not sent", "error", err)
		}
	}()
	logger = tracer.Logger(logger)
	var options []db.Option
	if tracer != nil {
		options = append(options, db.Through(tracer.OpenDB))
	}
	d, err := db.Open(ctx, string(cfg.DatabaseURL), options...)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		if err := d.Close(); err != nil {
			logger.ErrorContext(ctx, "database not closed", "error", err)
		}
	}()
	a, err := app.New(cfg, d, app.Options{Now: time.Now, Logger: logger, Tracer: tracer, Version: version, Hash: cost.Params})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	handler, err := a.Handler()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if cfg.SecretGenerated {
		logger.WarnContext(ctx, "SECRET_KEY is not set: sessions and mailed links will not survive a restart")
	}
	metricsHTTP.start(ctx, a.Metrics, logger)
	return serveUntilSignal(ctx, a, newHTTPServer(handler, logger), listener)
}

// serveUntilSignal serves requests and runs the background work until a signal arrives.
func serveUntilSignal(ctx context.Context, a *app.App, web *http.Server, listener net.Listener) error {
	defer a.Edge.LogRepeats(ctx, true) // last, after all requests have ended
	stopBackground := a.Background(ctx)
	a.Audit.Note(ctx, audit.Entry{Event: audit.SysStartup, Outcome: audit.Success})
	defer func() {
		stopBackground()
		a.Audit.Flush(ctx, true)
		a.Audit.Note(ctx, audit.Entry{Event: audit.SysShutdown, Outcome: audit.Success})
	}()

	// Before the first request can arrive, because a signal must not interrupt one.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	logListening(ctx, a, listener)

	select {
	case err := <-failed:
		return err
	case sig := <-signals:
		signal.Stop(signals) // a second signal ends the process at once
		go stopBackground()  // while the last requests finish
		return shutDown(ctx, a, web, sig)
	}
}

// Timeouts and limits of a connection. They bound how long a slow or silent client can
// keep it open.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
)

func newHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler: closeAmbiguous(handler),
		// "OPTIONS *" gets the same response as an unknown path.
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// closeAmbiguous closes the connection after a request that a proxy in front may delimit
// differently. In request smuggling, the proxy and the server take different bytes for the
// next request. Two kinds of requests are ambiguous:
//
//   - Requests with a chunked body may also have a Content-Length. net/http ignores the
//     length, as it must. But it removes the header before a handler can see it, and keeps
//     the connection open, which it must not (RFC 9112, section 6.1).
//   - HTTP/1.0 requests may have a Transfer-Encoding, which that version does not define.
//     net/http removes the header, uses the length, and keeps the connection open if the
//     client asks for it.
func closeAmbiguous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// stopWithin bounds the whole shutdown, including SHUTDOWN_DELAY. Metrics and traces then
// have one second each.
const stopWithin = 12500 * time.Millisecond

// shutDown makes readiness fail and waits SHUTDOWN_DELAY, so that a load balancer stops
// sending requests. Then it finishes the requests in progress. After an interrupt from
// the keyboard there is no delay.
func shutDown(ctx context.Context, a *app.App, web *http.Server, sig os.Signal) error {
	a.Logger.InfoContext(ctx, "shutting down", "signal", sig.String())
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	a.Service.Draining.Store(true)
	if sig == syscall.SIGTERM {
		select {
		case <-time.After(a.Config.ShutdownDelay):
		case <-ctx.Done():
		}
	}
	if err := web.Shutdown(ctx); err != nil {
		a.Logger.WarnContext(ctx, "requests interrupted", "error", err)
		return web.Close()
	}
	a.Logger.InfoContext(ctx, "stopped")
	return nil
}

// setPort stores the port that the system chose for port 0.
func setPort(cfg *config.Config, listener net.Listener) {
	if cfg.Port != 0 {
		return
	}
	cfg.Port = listener.Addr().(*net.TCPAddr).Port
	if cfg.PublicURL == "" && !cfg.Production() {
		cfg.PublicURL = fmt.Sprintf("http://localhost:%d", cfg.Port)
	}
}

// logListening logs the address of the server. Scripts wait for this line.
func logListening(ctx context.Context, a *app.App, listener net.Listener) {
	cfg := a.Config
	attrs := []any{"version", version, "address", listener.Addr().String(), "database", string(a.DB.Kind)}
	if !cfg.Production() {
		attrs = append(attrs, "url", cfg.PublicURL)
		if cfg.ServeDocs() {
			attrs = append(attrs, "docs", cfg.PublicURL+"/docs")
		}
		if a.Preview != nil {
			attrs = append(attrs, "mail", cfg.PublicURL+"/dev/mail")
		}
	}
	a.Logger.InfoContext(ctx, "listening", attrs...)
}
