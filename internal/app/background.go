package app

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/ratelimit"
)

// Intervals of background work.
const (
	logRepeatsEvery = 10 * time.Second // suppressed log lines
	flushEvery      = time.Minute      // suppressed audit events
	sweepEvery      = 10 * time.Minute // expired rows
)

// Background starts the background work: sending mail, reporting suppressed events,
// deleting expired rows. stop ends it and returns when it has ended; it may be called
// more than once.
func (a *App) Background(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { every(ctx, sweepEvery, func() { a.SweepAll(ctx) }) })
	running.Go(func() { every(ctx, logRepeatsEvery, func() { a.Edge.LogRepeats(ctx, false) }) })
	running.Go(func() { every(ctx, flushEvery, func() { a.Audit.Flush(ctx, false) }) })
	if a.MailWorker != nil {
		running.Go(func() { a.MailWorker.Run(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// every runs work at once, and again after each interval, until ctx ends.
func every(ctx context.Context, interval time.Duration, work func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		work()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// A sweep deletes expired rows and returns their number.
type sweep struct {
	what string
	run  func(context.Context) (int64, error)
}

// sweeps lists everything that expires.
func (a *App) sweeps() []sweep {
	return []sweep{
		{"sessions", a.Sessions.Sweep},
		{"audit events", a.Audit.Sweep},
		{"unconfirmed accounts", a.Accounts.SweepUnconfirmed},
		{"reserved usernames", a.Accounts.SweepReservations},
		{"one-time tokens", a.Tokens.Sweep},
		{"rate limits", func(ctx context.Context) (int64, error) { return ratelimit.Sweep(ctx, a.DB, a.Now()) }},
		{"mails", func(ctx context.Context) (int64, error) { return a.Mail.Sweep(ctx, a.DB.Queries) }},
	}
}

// SweepAll deletes expired rows. A sweep that fails, even with a panic, is logged and tried
// again at the next run: housekeeping must not end the server, nor other sweeps.
func (a *App) SweepAll(ctx context.Context) {
	for _, s := range a.sweeps() {
		a.sweep(ctx, s)
	}
}

func (a *App) sweep(ctx context.Context, s sweep) {
	defer func() {
		if value := recover(); value != nil {
			a.Logger.ErrorContext(ctx, "panic while sweeping", "what", s.what, "panic", value, "stack", string(debug.Stack()))
			a.Audit.Note(ctx, audit.Entry{Event: audit.SysCrash, Reason: "panic"})
		}
	}()
	n, err := s.run(ctx)
	switch {
	case ctx.Err() != nil: // the server ends
	case err != nil:
		a.Logger.WarnContext(ctx, "not swept", "what", s.what, "error", err)
	default:
		a.Logger.DebugContext(ctx, "swept", "what", s.what, "count", n)
	}
}
