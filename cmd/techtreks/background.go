package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/server"
)

// startBackground starts what is done beside the requests: sending mail and
// deleting what has had its time. stop ends it, and returns when it has ended;
// it can be called more than once.
func startBackground(ctx context.Context, s *server.Server, logger *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { sweep(ctx, s, logger) })
	running.Go(func() { tellRepeats(ctx, s) })
	if s.MailWorker != nil {
		running.Go(func() { s.MailWorker.Run(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// How long what was only counted may wait for a line in the log, and a row in
// the audit trail.
const (
	tellEvery  = 10 * time.Second
	flushEvery = time.Minute
)

// tellRepeats says what was counted instead of logged or recorded, also when
// nothing more happens, until ctx ends.
func tellRepeats(ctx context.Context, s *server.Server) {
	tell, flush := time.NewTicker(tellEvery), time.NewTicker(flushEvery)
	defer tell.Stop()
	defer flush.Stop()
	for {
		select {
		case <-tell.C:
			s.LogRepeats(ctx, false)
		case <-flush.C:
			s.Audit.Flush(ctx, false)
		case <-ctx.Done():
			return
		}
	}
}

// sweepEvery is how often what has had its time is deleted.
const sweepEvery = 10 * time.Minute

// sweep deletes ended sessions, expired tokens and mails that were given up
// long ago, until ctx ends. What goes wrong once may work the next time, a
// panic included: the server must not die of housekeeping.
func sweep(ctx context.Context, s *server.Server, logger *slog.Logger) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		sweepOnce(ctx, s, logger)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func sweepOnce(ctx context.Context, s *server.Server, logger *slog.Logger) {
	defer func() {
		if value := recover(); value != nil {
			logger.ErrorContext(ctx, "panic while sweeping", "panic", value, "stack", string(debug.Stack()))
			s.Audit.Note(ctx, audit.Entry{Event: audit.SysCrash, Outcome: audit.Failure, Reason: "panic"})
		}
	}()
	tasks := map[string]func(context.Context) (int64, error){
		"sessions": s.Sessions.Sweep,
		"audit":    s.Audit.Sweep,
		"accounts that nobody has confirmed": func(ctx context.Context) (int64, error) {
			now := s.Now()
			return s.DB.UsersDeleteUnconfirmed(ctx, &now)
		},
		"reserved names": func(ctx context.Context) (int64, error) { return s.DB.ReservationsDeleteExpired(ctx, s.Now()) },
		"tokens":         func(ctx context.Context) (int64, error) { return s.DB.TokensDeleteExpired(ctx, s.Now()) },
		"limits":         s.SweepLimits,
		"mails":          func(ctx context.Context) (int64, error) { return s.Mail.Sweep(ctx, s.DB.Queries) },
	}
	for what, task := range tasks {
		n, err := task(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			logger.WarnContext(ctx, "not swept", "what", what, "error", err)
		default:
			logger.DebugContext(ctx, "swept", "what", what, "count", n)
		}
	}
}
