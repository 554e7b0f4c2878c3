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

// A Worker sends what is in the outbox. Any number of them may share a database. All
// fields are required unless they say otherwise.
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
	// Audit records the links that are mailed, and the mails that are given up.
	Audit    *audit.Trail
	Counters Counters

	run runState
}

// runState is the state of a running [Worker].
type runState struct {
	server serverState
	idle   chan struct{} // a send has ended
}

// Counters count what became of mails since the start.
type Counters struct {
	Sent    atomic.Int64 // taken by the mail server
	Retried atomic.Int64 // not taken, to be tried again
	Failed  atomic.Int64 // given up
	Dropped atomic.Int64 // not to be sent any more: no account, token expired or replaced
}

const (
	atOnce     = 4                // sends
	lease      = 60 * time.Second // longer than the longest send
	poll       = 15 * time.Second // for mails of other instances, and their leases that ran out
	giveUp     = 24 * time.Hour
	queryLimit = 5 * time.Second
	// When the program ends, sends under way have the first of these to end, and what
	// must be noted then the second.
	finishing, noting = 2 * time.Second, 2 * time.Second
	probeEvery        = time.Minute // while the mail server is away
)

// backoff is how long a mail waits after each try that failed; the last one repeats.
var backoff = []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute}

// Run sends mails until ctx ends, and then returns within 5 seconds: what is being
// sent may end, and what has not ended by then goes back into the outbox.
func (w *Worker) Run(ctx context.Context) {
	w.run.idle = make(chan struct{}, 1)
	sends, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(finishing, cancel) })()

	// What waits for the mail server alone may have waited for this start.
	w.reachable(ctx)
	var running sync.WaitGroup
	var busy atomic.Int64
	send := func(row gendb.Outbox) {
		busy.Add(1)
		running.Go(func() {
			defer func() {
				busy.Add(-1)
				signal(w.run.idle)
			}()
			w.survive(sends, func() { w.handle(sends, row) })
		})
	}
	for ctx.Err() == nil {
		wait := poll // after a panic
		w.survive(ctx, func() { wait = w.next(ctx, busy.Load(), send) })
		if wait != 0 {
			w.sleep(ctx, wait)
		}
	}
	running.Wait()
}

// next sends the next mail that is due, if there is one and it may be sent while busy
// others are. It returns how long there is nothing to do.
func (w *Worker) next(ctx context.Context, busy int64, send func(gendb.Outbox)) time.Duration {
	limit, wait := w.run.server.allows(w.Now())
	if limit == 1 && busy == 0 && wait <= 0 {
		w.reachable(ctx) // one of all that wait is the one to try the server with
	}
	if wait > 0 {
		return wait
	}
	if busy >= limit {
		return poll // or until one of them ends
	}
	row, err := w.claim(ctx)
	switch {
	case err == nil:
		send(row)
		return 0
	case errors.Is(err, sql.ErrNoRows):
		return max(w.untilDue(ctx), 0) // 0: another instance has just taken what we wanted
	}
	return poll
}

// survive runs one step. A panic in it costs that step, whose mail goes out when its
// lease has run out: the server must not die of a mail.
func (w *Worker) survive(ctx context.Context, step func()) {
	defer func() {
		if p := recover(); p != nil {
			w.Logger.ErrorContext(ctx, "panic while sending mail", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			w.Audit.Note(ctx, audit.Entry{Event: audit.SysCrash, Outcome: audit.Failure, Reason: "panic"})
		}
	}()
	step()
}

// sleep waits until there may be something to do, at most for d.
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

// claim takes the next mail that is due. It is not given up when the program ends:
// the lease might have been written.
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

// untilDue is how long nothing is due.
func (w *Worker) untilDue(ctx context.Context) time.Duration {
	now := w.Now()
	due, err := w.DB.OutboxNextDue(ctx, &now)
	if err != nil {
		return poll // nothing waits, or the database does not answer
	}
	return due.Sub(now)
}

// reachable lets go of what waits for the mail server alone.
func (w *Worker) reachable(ctx context.Context) {
	ctx, cancel := detached(ctx)
	defer cancel()
	if _, err := w.DB.OutboxMakeDue(ctx, w.Now()); err != nil {
		w.Logger.ErrorContext(ctx, "outbox not updated", "error", err)
	}
}

// handle sends one mail and notes what became of it.
func (w *Worker) handle(ctx context.Context, row gendb.Outbox) {
	m, err := w.attempt(ctx, row)
	if !row.UserID.Valid {
		row.UserID = m.owner // found out by this try
	}
	var dropped *dropError
	switch {
	case err == nil:
		w.done(ctx, row)
		w.Counters.Sent.Add(1)
		if row.Unreachable {
			w.reachable(ctx) // another worker, which may be no more, has left it and others so
		}
		w.Logger.InfoContext(ctx, "mail sent", w.about(row)...)
	case errors.As(err, &dropped):
		w.done(ctx, row)
		w.Counters.Dropped.Add(1)
		w.Logger.InfoContext(ctx, "mail dropped", w.about(row, "reason", dropped.reason)...)
	case errors.Is(err, errLeaseLost):
		// Voided, or another instance has it.
	case ctx.Err() != nil:
		w.retry(ctx, row, w.Now(), err, m, false)
	case errors.Is(err, ErrRefused) || w.Now().Sub(row.CreatedAt) >= giveUp:
		w.bury(ctx, row, err, m)
	default:
		w.Counters.Retried.Add(1)
		step := backoff[min(max(row.Attempts, 1), int64(len(backoff)))-1]
		next := w.Now().Add(jitter(step))
		w.retry(ctx, row, next, err, m, errors.Is(err, ErrUnreachable))
		level := slog.LevelWarn
		if errors.Is(err, ErrSettings) {
			level = slog.LevelError // somebody has to do something, within a day
		}
		w.Logger.Log(ctx, level, "mail not sent, to be tried again", w.about(row, "next", next, "error", reason(err, m))...)
	}
}

// attempt writes the mail and sends it. A panic, be it in a template, is an error of
// this one mail.
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
		w.reachable(ctx)
	}
	return m, err
}

// done deletes the row of a mail that is settled. Where that fails the lease runs out,
// and the mail goes out once more, with the same Message-ID.
func (w *Worker) done(ctx context.Context, row gendb.Outbox) {
	ctx, cancel := detached(ctx)
	defer cancel()
	_, err := w.DB.OutboxDone(ctx, gendb.OutboxDoneParams{ID: row.ID, Lease: row.Lease})
	if err != nil {
		w.Logger.ErrorContext(ctx, "mail settled but not deleted, it may go out again", w.about(row, "error", err)...)
	}
}

func (w *Worker) retry(ctx context.Context, row gendb.Outbox, next time.Time, cause error, m Rendered, unreachable bool) {
	attempts := row.Attempts
	if unreachable || ctx.Err() != nil {
		attempts-- // the server has said nothing about this mail: its first refusal is yet to come
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

func (w *Worker) bury(ctx context.Context, row gendb.Outbox, cause error, m Rendered) {
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
		return // somebody has voided it
	case err != nil:
		w.Logger.ErrorContext(ctx, "outbox not updated", w.about(row, "error", err)...)
		return
	}
	w.Counters.Failed.Add(1)
	w.Logger.ErrorContext(ctx, "mail given up", w.about(row, "error", text)...)
}

// about is what the log says of a mail. Not the address: an id is enough to find it.
func (w *Worker) about(row gendb.Outbox, more ...any) []any {
	return append([]any{"kind", row.Kind, "message_id", row.MessageID, "user_id", row.UserID.Int64, "attempt", row.Attempts}, more...)
}

// reason is the text of an error as it may be kept. What a mail server answers often
// quotes the address, and some quote suspicious links.
func reason(err error, m Rendered) string {
	text := err.Error()
	for _, secret := range []string{m.Link, m.token, m.To} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return plain(text, maxError)
}

// serverState is what this worker knows about the mail server. While there is none, a
// mail a minute tries it, and all others stay where they are: a queue of thousands is
// not to time out one after the other.
type serverState struct {
	mu    sync.Mutex
	down  bool
	probe time.Time
}

// allows says how many sends there may be at once, and for how long none.
func (s *serverState) allows(now time.Time) (limit int64, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		return atOnce, 0
	}
	return 1, s.probe.Sub(now)
}

func (s *serverState) failed(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.probe = true, now.Add(jitter(probeEvery))
}

// answered notes that there is a server, whatever it said.
func (s *serverState) answered() (wasDown bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wasDown, s.down = s.down, false
	return wasDown
}

// jitter is d, up to a fifth more or less, so that what failed together does not come
// back together.
func jitter(d time.Duration) time.Duration {
	extra, err := rand.Int(rand.Reader, big.NewInt(int64(2*d/5+1)))
	if err != nil {
		return d // crypto/rand does not fail: it ends the program instead
	}
	return d - d/5 + time.Duration(extra.Int64())
}

// detached is for what must still be noted while the program ends.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := queryLimit
	if ctx.Err() != nil {
		limit = noting
	}
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
