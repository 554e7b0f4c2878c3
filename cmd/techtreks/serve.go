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

// Run serves until a signal, and then until the requests under way are
// answered.
func (serveCommand) Run(ctx context.Context, cfg *config.Config, logger *slog.Logger, cost hashCost) error {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return err
	}
	settlePort(cfg, listener)
	listener = limitConnections(listener)
	watch, err := listenForMetrics(cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		if err := watch.close(); err != nil {
			logger.ErrorContext(ctx, "metrics not closed", "error", err)
		}
	}()
	tracer, err := tracing.Start(ctx, version, logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		if err := tracer.Stop(); err != nil {
			logger.WarnContext(ctx, "the last traces are lost", "error", err)
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
	watch.start(ctx, a.Metrics, logger)
	return serveUntilSignal(ctx, a, newHTTPServer(handler, logger), listener)
}

// serveUntilSignal answers requests and runs the background work until a signal.
func serveUntilSignal(ctx context.Context, a *app.App, web *http.Server, listener net.Listener) error {
	defer a.Edge.LogRepeats(ctx, true) // last, when no request can add to the counts
	stopBackground := a.Background(ctx)
	a.Audit.Note(ctx, audit.Entry{Event: audit.SysStartup, Outcome: audit.Success})
	defer func() {
		stopBackground()
		a.Audit.Flush(ctx, true)
		a.Audit.Note(ctx, audit.Entry{Event: audit.SysShutdown, Outcome: audit.Success})
	}()

	// Before the first request can arrive: from then on no signal may cut one off.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	announce(ctx, a, listener)

	select {
	case err := <-failed:
		return err
	case sig := <-signals:
		signal.Stop(signals) // a second one ends the process at once
		go stopBackground()  // while the last requests finish
		return shutDown(ctx, a, web, sig)
	}
}

// The limits of a connection. A client that sends or reads slowly, or not at
// all, holds one for no longer than these.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
)

func newHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler: closeInDoubt(handler),
		// "OPTIONS *" gets the same answer and headers as any unknown address.
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// closeInDoubt ends the connection after a request of which a proxy in front may
// have seen another end than this server does: the classic of request smuggling,
// where the proxy and the server take different bytes for the next request. Such
// are requests whose body comes in chunks, because they may also state a length.
// net/http ignores the length, as it must, but removes it before anybody sees that
// it was there and keeps the connection, which it must not (RFC 9112, section 6.1).
// Such are those of HTTP/1.0, because they may speak of chunks, which that version
// does not have: then net/http removes that, and goes by the length, and keeps the
// connection if it is asked to.
func closeInDoubt(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// stopWithin bounds the whole shutdown, the delay included.
// Metrics and traces then have a second each to end.
const stopWithin = 12500 * time.Millisecond

// shutDown makes readiness fail, waits until a load balancer can have noticed,
// and then lets the requests under way finish. An interrupt from a keyboard
// has no load balancer to wait for.
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
		a.Logger.WarnContext(ctx, "requests were cut off", "error", err)
		return web.Close()
	}
	a.Logger.InfoContext(ctx, "stopped")
	return nil
}

// settlePort fills in the port that the system has chosen, where the settings
// left it open.
func settlePort(cfg *config.Config, listener net.Listener) {
	if cfg.Port != 0 {
		return
	}
	cfg.Port = listener.Addr().(*net.TCPAddr).Port
	if cfg.PublicURL == "" && !cfg.Production() {
		cfg.PublicURL = fmt.Sprintf("http://localhost:%d", cfg.Port)
	}
}

// announce logs where the server listens, for a person at a terminal and for scripts that
// wait for the line.
func announce(ctx context.Context, a *app.App, listener net.Listener) {
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
