// Package audit remembers what happened to accounts: who logged in, who was
// refused, who changed what.
//
// Each event is one row of the table audit_events and one line of the log. What
// succeeds is recorded in the transaction that does it, by [Trail.Record], so that
// neither exists without the other; what is refused has no transaction and is
// recorded by [Trail.Note].
//
// A row says who by a number, which outlives the account and is given to nobody
// else. A name that no account has stands there as a keyed hash, as it may be a
// password typed into the wrong field; so do tokens, to tell which events belong
// together without letting anybody in.
package audit

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/token"
)

// An Entry is one event. Only Event is required.
type Entry struct {
	Event   Event
	Outcome Outcome // Success if it is empty
	Reason  string  // a code of snake_case that says more: why it failed, what was changed

	// Actor did it, Subject is whose account it was done to; 0 is nobody. Both
	// are the same for what people do to their own accounts.
	Actor, Subject int64
	// SubjectHash stands for a name that no account has; from [Trail.Keyed].
	SubjectHash string

	Operation string // of the contract
	Address   string // of the client
	UserAgent string // as sent; it is cut and cleaned
	RequestID string
	// SessionHash stands for the session that it was done in, TokenHash for a
	// token that was handed out or presented; from [Trail.Keyed].
	SessionHash, TokenHash string
	// Repeats is how many more of the same this entry stands for.
	Repeats int64
}

// A Trail records events. All of its fields are required.
type Trail struct {
	DB     *db.DB
	Signer *token.Signer
	Now    func() time.Time
	Logger *slog.Logger

	// Lost counts events that could not be written. The log has them.
	Lost atomic.Int64
}

// noteWithin bounds how long an answer waits for the record of a refusal.
const noteWithin = 500 * time.Millisecond

// Record writes an event down in the transaction q. Its line in the log waits
// for [Held.Release] if ctx comes from [Trail.Hold].
func (t *Trail) Record(ctx context.Context, q *gendb.Queries, e Entry) error {
	e.complete()
	if err := t.add(ctx, q, e); err != nil {
		return err
	}
	if held, ok := ctx.Value(heldKey{}).(*Held); ok {
		held.lines = append(held.lines, e)
		return nil
	}
	t.log(ctx, slog.LevelInfo, e)
	return nil
}

// Note writes an event down in a transaction of its own. If that fails, the log
// alone has the event, as an error: an answer never depends on it. The caller's
// leaving does not stop it either, or whoever hangs up at once would not be seen.
func (t *Trail) Note(ctx context.Context, e Entry) {
	e.complete()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	if err := t.add(within, t.DB.Queries, e); err != nil {
		t.Lost.Add(1)
		t.log(ctx, slog.LevelError, e, slog.String("not_stored", err.Error()))
		return
	}
	t.log(ctx, slog.LevelInfo, e)
}

// Keyed returns what stands for a value that must not be readable in the trail.
func (t *Trail) Keyed(value string) string { return t.Signer.Keyed("audit", value) }

// Held are the lines about events whose transactions may yet fail.
type Held struct {
	trail *Trail
	lines []Entry
}

type heldKey struct{}

// Hold makes [Trail.Record] keep the lines of one request back.
func (t *Trail) Hold(ctx context.Context) (context.Context, *Held) {
	held := &Held{trail: t}
	return context.WithValue(ctx, heldKey{}, held), held
}

// Release writes the lines; what they say has been committed.
func (h *Held) Release(ctx context.Context) {
	for _, e := range h.lines {
		h.trail.log(ctx, slog.LevelInfo, e)
	}
	h.lines = nil
}

// Drop forgets the lines; what they say has been rolled back.
func (h *Held) Drop() { h.lines = nil }

func (t *Trail) add(ctx context.Context, q *gendb.Queries, e Entry) error {
	return q.AuditAdd(ctx, gendb.AuditAddParams{
		Now: t.Now(), Event: string(e.Event), Outcome: string(e.Outcome), Reason: e.Reason, Operation: e.Operation,
		ActorID: number(e.Actor), UserID: number(e.Subject), UserHash: text(e.SubjectHash),
		Ip: e.Address, UserAgent: e.UserAgent, RequestID: e.RequestID,
		SessionHash: text(e.SessionHash), TokenHash: text(e.TokenHash), Repeats: e.Repeats,
	})
}

// log writes the line. It has the same members for every event, so that
// whatever collects logs can rely on them.
func (t *Trail) log(ctx context.Context, level slog.Level, e Entry, more ...slog.Attr) {
	t.Logger.LogAttrs(ctx, level, "audit", append([]slog.Attr{
		slog.String("event", string(e.Event)), slog.String("outcome", string(e.Outcome)), slog.String("reason", e.Reason),
		slog.String("operation", e.Operation), slog.Int64("actor_id", e.Actor), slog.Int64("user_id", e.Subject),
		slog.String("user_hash", e.SubjectHash), slog.String("ip", e.Address), slog.String("user_agent", e.UserAgent),
		slog.String("request_id", e.RequestID), slog.String("session_hash", e.SessionHash), slog.Int64("repeats", e.Repeats),
	}, more...)...)
}

// maxUserAgent bounds what a client can make us keep, in bytes.
const maxUserAgent = 300

func (e *Entry) complete() {
	if e.Outcome == "" {
		e.Outcome = Success
	}
	e.UserAgent = plain(e.UserAgent)
}

// plain leaves of a header what can stand in a terminal and in a column: no
// second line, no control sequences, no writing that runs backwards. Nothing
// else that a client sends gets into the trail as it is.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), maxUserAgent)])
}

func number(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
