package mail

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/token"
)

// A Worker sends what is in the outbox. Any number of them may share a database.
type Worker struct {
	DB        *db.DB
	Outbox    *Outbox
	Sender    Sender
	Templates *Templates
	Signer    *token.Signer
	// FrontendURL is what links begin with, without a slash at the end.
	FrontendURL string
	// How long links work, counted from when the mail was asked for. Those that
	// confirm an address share VerifyTTL.
	VerifyTTL, ResetTTL time.Duration
	Now                 func() time.Time
	Logger              *slog.Logger
	// Failed, if set, is told of every mail that is given up.
	Failed func(kind string)

	Counters Counters
}

// Counters count what became of mails since the start.
type Counters struct {
	Sent    atomic.Int64 // taken by the mail server
	Retried atomic.Int64 // not taken, to be tried again
	Failed  atomic.Int64 // given up
	Dropped atomic.Int64 // not to be sent any more: no account, token expired or replaced
}

// Run sends mails until ctx ends, and then returns within 5 seconds.
func (w *Worker) Run(ctx context.Context) { <-ctx.Done() }

// Sweep deletes mails that were given up 30 days ago and returns their number.
func (w *Worker) Sweep(ctx context.Context) (int64, error) {
	before := w.Now().AddDate(0, 0, -30)
	return w.DB.OutboxDeleteDead(ctx, &before)
}
