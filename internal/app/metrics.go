package app

import (
	"context"
	"database/sql"
	"errors"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/tracing"
)

// newMetrics returns metrics with a series for each operation and each audit event.
func newMetrics(c *contract.Contract) *metrics.Metrics {
	var operations, events []string
	for _, op := range c.Operations {
		operations = append(operations, op.ID)
	}
	for _, event := range audit.Events {
		events = append(events, string(event))
	}
	return metrics.New(operations, events)
}

// readMetrics adds what the parts count themselves, read at each scrape.
func (a *App) readMetrics(version string) {
	m := a.Metrics
	m.Build(version)
	writer, readers := a.DB.Pools()
	m.Pool("writer", writer)
	if readers != nil {
		m.Pool("readers", readers)
	}
	gate := &a.Credentials.Passwords.Gate
	m.Gauge("password_hashes_running", "Password hashes being computed now.", gate.Running)
	m.Gauge("password_hashes_waiting", "Password hashes waiting for their turn now.", gate.Waiting)
	m.Outbox(a, a.Now, a.Logger)
	if a.MailWorker == nil {
		return
	}
	count := &a.MailWorker.Counters
	for outcome, read := range map[string]func() int64{
		"sent": count.Sent.Load, "retried": count.Retried.Load, "failed": count.Failed.Load, "dropped": count.Dropped.Load,
	} {
		m.Counter("mails_total", "Attempts to send a mail, by outcome.", map[string]string{"outcome": outcome}, read)
	}
}

// OutboxState implements [metrics.OutboxSource].
func (a *App) OutboxState(ctx context.Context) (state metrics.OutboxState, err error) {
	count, err := a.DB.OutboxCount(ctx)
	if err != nil {
		return state, err
	}
	state.Pending, state.Dead = count.Pending, count.Dead
	state.Oldest, err = a.DB.OutboxOldest(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil // the outbox is empty
	}
	return state, err
}

// hashObserver counts and traces password hashes.
type hashObserver struct {
	metrics *metrics.Metrics
	tracer  *tracing.Tracer // nil without a collector
}

// Observe implements [password.Observer].
func (o hashObserver) Observe(ctx context.Context, pass password.Pass) {
	if o.tracer != nil {
		o.tracer.Hash(ctx, pass.Begin, pass.Waited, pass.Worked, pass.Err != nil)
	}
	switch {
	case pass.Err == nil:
		o.metrics.Hash(pass.Waited, pass.Worked)
	case errors.Is(pass.Err, password.ErrBusy):
		o.metrics.HashRefused(pass.Waited)
	}
}
