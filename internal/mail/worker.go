package mail

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/token"
)

// A Worker sends the mails in the outbox. Any number of workers may share a database. All
// fields are required.
type Worker struct {
	DB        *db.DB
	Outbox    *Outbox
	Sender    Sender
	Templates *Templates
	Tokens    *onetime.Tokens
	Links     Links
	Contact   Contact

	Now    func() time.Time
	Logger *slog.Logger
	// Audit records mailed links and mails that could not be delivered.
	Audit    *audit.Trail
	Counters Counters

	run runState
}

// runState is the state of a running [Worker].
type runState struct {
	server serverState
	idle   chan struct{} // receives a value when a send has ended
}

// Counters count the results of deliveries since the start.
type Counters struct {
	Sent    atomic.Int64 // accepted by the mail server
	Retried atomic.Int64 // not accepted, will be retried
	Failed  atomic.Int64 // given up
	Dropped atomic.Int64 // no longer needed: no account, token expired or replaced
}

const (
	maxSends     = 4                // concurrent
	lease        = 60 * time.Second // longer than the longest send
	poll         = 15 * time.Second // for mails of other instances and their expired leases
	giveUpAfter  = 24 * time.Hour
	queryTimeout = 5 * time.Second
	// At shutdown, sends in progress have sendGrace to finish, and then each update of the
	// outbox has updateGrace.
	sendGrace, updateGrace = 2 * time.Second, 2 * time.Second
	probeEvery             = time.Minute // during an outage of the mail server
)

// backoff lists the delays after failed attempts. The last delay repeats.
var backoff = []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute}

// Run sends mails until ctx ends, and then returns within 5 seconds. Sends in progress may
// finish; mails that are not sent by then return to the outbox.
func (w *Worker) Run(ctx context.Context) {
	w.run.idle = make(chan struct{}, 1)
	sends, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(sendGrace, cancel) })()

	// A restart may have ended the outage that delayed mails.
	w.makeDue(ctx)
	var running sync.WaitGroup
	var busy atomic.Int64
	send := func(row gendb.Outbox) {
		busy.Add(1)
		running.Go(func() {
			defer func() {
				busy.Add(-1)
				signal(w.run.idle)
			}()
			w.recoverPanic(sends, func() { w.handle(sends, row) })
		})
	}
	for ctx.Err() == nil {
		wait := poll // after a panic
		w.recoverPanic(ctx, func() { wait = w.next(ctx, busy.Load(), send) })
		if wait != 0 {
			w.sleep(ctx, wait)
		}
	}
	running.Wait()
}

// next starts to send the next due mail, if there is one and the number of busy sends
// allows another. It returns the time until the next step.
func (w *Worker) next(ctx context.Context, busy int64, send func(gendb.Outbox)) time.Duration {
	limit, wait := w.run.server.allowedSends(w.Now())
	if limit == 1 && busy == 0 && wait <= 0 {
		w.makeDue(ctx) // so that one of the delayed mails probes the server
	}
	if wait > 0 {
		return wait
	}
	if busy >= limit {
		return poll // or until a send ends
	}
	row, err := w.claim(ctx)
	switch {
	case err == nil:
		send(row)
		return 0
	case errors.Is(err, sql.ErrNoRows):
		return max(w.untilDue(ctx), 0) // 0 if another instance claimed the mail first
	}
	return poll
}

// recoverPanic runs one step and recovers from a panic in it, so that one mail cannot end
// the server. The mail of that step is sent when its lease has expired.
func (w *Worker) recoverPanic(ctx context.Context, step func()) {
	defer func() {
		if p := recover(); p != nil {
			w.Logger.ErrorContext(ctx, "panic while sending mail", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			w.Audit.Note(ctx, audit.Entry{Event: audit.SysCrash, Outcome: audit.Failure, Reason: "panic"})
		}
	}()
	step()
}

// sleep waits for d, or until there may be a mail to send.
func (w *Worker) sleep(ctx context.Context, d time.Duration) {
	if d <= 0 || d > poll {
		d = poll
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.Outbox.Woken():
	case <-w.run.idle:
	case <-timer.C:
	}
}

// claim claims the next due mail. Shutdown does not cancel the query, because the lease may
// already be stored.
func (w *Worker) claim(ctx context.Context) (gendb.Outbox, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	now := w.Now()
	holder, until := token.New(), now.Add(lease)
	row, err := w.DB.OutboxClaim(ctx, gendb.OutboxClaimParams{Now: now, Lease: &holder, LeaseUntil: &until})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		w.Logger.ErrorContext(ctx, "outbox not read", "error", err)
	}
	return row, err
}

// untilDue returns the time until a mail is due.
func (w *Worker) untilDue(ctx context.Context) time.Duration {
	now := w.Now()
	due, err := w.DB.OutboxNextDue(ctx, &now)
	if err != nil {
		return poll // no mails, or no database
	}
	return due.Sub(now)
}

// makeDue makes mails that were delayed by an outage of the mail server due now.
func (w *Worker) makeDue(ctx context.Context) {
	ctx, cancel := detached(ctx)
	defer cancel()
	if _, err := w.DB.OutboxMakeDue(ctx, w.Now()); err != nil {
		w.Logger.ErrorContext(ctx, "outbox not updated", "error", err)
	}
}

// handle sends one mail and stores the result.
func (w *Worker) handle(ctx context.Context, row gendb.Outbox) {
	m, err := w.attempt(ctx, row)
	if !row.UserID.Valid {
		row.UserID = m.owner // resolved by this attempt
	}
	var dropped *dropError
	switch {
	case err == nil:
		w.done(ctx, row)
		w.Counters.Sent.Add(1)
		if row.Unreachable {
			w.makeDue(ctx) // another worker, which may have stopped, has delayed this mail and others
		}
		w.Logger.InfoContext(ctx, "mail sent", w.about(row)...)
	case errors.As(err, &dropped):
		w.done(ctx, row)
		w.Counters.Dropped.Add(1)
		w.Logger.InfoContext(ctx, "mail dropped", w.about(row, "reason", dropped.reason)...)
	case errors.Is(err, errLeaseLost):
		// The mail was voided, or another instance has claimed it.
	case ctx.Err() != nil:
		w.retry(ctx, row, w.Now(), err, m, false)
	case errors.Is(err, ErrRefused) || w.Now().Sub(row.CreatedAt) >= giveUpAfter:
		w.giveUp(ctx, row, err, m)
	default:
		w.Counters.Retried.Add(1)
		step := backoff[min(max(row.Attempts, 1), int64(len(backoff)))-1]
		next := w.Now().Add(jitter(step))
		w.retry(ctx, row, next, err, m, errors.Is(err, ErrUnreachable))
		level := slog.LevelWarn
		if errors.Is(err, ErrSettings) {
			level = slog.LevelError // the operator must act before the mail is given up
		}
		w.Logger.Log(ctx, level, "mail not sent, will be retried", w.about(row, "next", next, "error", reason(err, m))...)
	}
}

// attempt renders the mail and sends it. A panic, for example in a template, is an error of
// this mail only.
func (w *Worker) attempt(ctx context.Context, row gendb.Outbox) (m Rendered, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.Logger.ErrorContext(ctx, "panic", w.about(row, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))...)
			err = errors.New("panic")
			w.Audit.Note(ctx, audit.Entry{Event: audit.SysCrash, Outcome: audit.Failure, Reason: "panic"})
		}
	}()
	if m, err = w.write(ctx, row); err != nil {
		return m, err
	}
	err = w.Sender.Send(ctx, m)
	switch {
	case errors.Is(err, ErrUnreachable):
		w.run.server.failed(w.Now())
	case ctx.Err() == nil && w.run.server.answered():
		w.makeDue(ctx)
	}
	return m, err
}

// done deletes a mail that was sent or dropped. If that fails, the lease expires and the
// mail is sent again with the same Message-ID.
func (w *Worker) done(ctx context.Context, row gendb.Outbox) {
	ctx, cancel := detached(ctx)
	defer cancel()
	_, err := w.DB.OutboxDone(ctx, gendb.OutboxDoneParams{ID: row.ID, Lease: row.Lease})
	if err != nil {
		w.Logger.ErrorContext(ctx, "mail not deleted from the outbox, it may be sent again", w.about(row, "error", err)...)
	}
}

func (w *Worker) retry(ctx context.Context, row gendb.Outbox, next time.Time, cause error, m Rendered, unreachable bool) {
	attempts := row.Attempts
	if unreachable || ctx.Err() != nil {
		attempts-- // the server has not rejected this mail, so the attempt does not count
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	text := reason(cause, m)
	_, err := w.DB.OutboxRetry(ctx, gendb.OutboxRetryParams{
		ID: row.ID, Lease: row.Lease, NextAttemptAt: next, Attempts: attempts, LastError: &text, Unreachable: unreachable,
	})
	if err != nil {
		w.Logger.ErrorContext(ctx, "outbox not updated", w.about(row, "error", err)...)
	}
}

// giveUp marks a mail as failed for good.
func (w *Worker) giveUp(ctx context.Context, row gendb.Outbox, cause error, m Rendered) {
	ctx, cancel := detached(ctx)
	defer cancel()
	now, text := w.Now(), reason(cause, m)
	code := "mail_overdue"
	if errors.Is(cause, ErrRefused) {
		code = "mail_refused"
	}
	err := w.DB.Tx(ctx, func(q *gendb.Queries) error {
		owner, err := q.OutboxGiveUp(ctx, gendb.OutboxGiveUpParams{ID: row.ID, Lease: row.Lease, Now: &now, LastError: &text})
		if err != nil {
			return err
		}
		row.UserID = owner
		return w.Audit.Record(ctx, q, audit.Entry{Event: audit.MailFailed, Outcome: audit.Failure, Reason: code, Subject: owner.Int64})
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return // the mail was voided meanwhile
	case err != nil:
		w.Logger.ErrorContext(ctx, "outbox not updated", w.about(row, "error", err)...)
		return
	}
	w.Counters.Failed.Add(1)
	w.Logger.ErrorContext(ctx, "mail given up", w.about(row, "error", text)...)
}

// about returns the log attributes of a mail. They identify it without its address, which is
// personal data.
func (w *Worker) about(row gendb.Outbox, more ...any) []any {
	return append([]any{"kind", row.Kind, "message_id", row.MessageID, "user_id", row.UserID.Int64, "attempt", row.Attempts}, more...)
}

// reason returns the text of an error without secrets. Responses of mail servers often quote
// the address, and some quote links that look suspicious.
func reason(err error, m Rendered) string {
	text := err.Error()
	for _, secret := range []string{m.Link, m.token, m.To} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return plain(text, maxError)
}

// serverState is the state of the mail server as this worker knows it. During an outage, one
// mail per minute probes the server and all others wait. So thousands of mails do not time
// out one after the other.
type serverState struct {
	mu    sync.Mutex
	down  bool
	probe time.Time
}

// allowedSends returns the number of concurrent sends, and the wait before the next one.
func (s *serverState) allowedSends(now time.Time) (limit int64, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		return maxSends, 0
	}
	return 1, s.probe.Sub(now)
}

func (s *serverState) failed(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.probe = true, now.Add(jitter(probeEvery))
}

// answered ends an outage: the server has responded, even if with an error.
func (s *serverState) answered() (wasDown bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wasDown, s.down = s.down, false
	return wasDown
}

// jitter changes d by up to a fifth, so that mails that failed together are not retried
// together.
func jitter(d time.Duration) time.Duration {
	extra, err := rand.Int(rand.Reader, big.NewInt(int64(2*d/5+1)))
	if err != nil {
		return d // unreachable: crypto/rand ends the program instead of failing
	}
	return d - d/5 + time.Duration(extra.Int64())
}

// detached returns a context for updates of the outbox, which shutdown does not cancel.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := queryTimeout
	if ctx.Err() != nil {
		timeout = updateGrace
	}
	return context.WithTimeout(context.WithoutCancel(ctx), timeout)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
