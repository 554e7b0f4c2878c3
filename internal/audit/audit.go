// Package audit remembers what happened to accounts: who logged in, who was
// refused, who changed what.
//
// Each event is one row of the table audit_events and one line of the log. What
// succeeds is recorded in the transaction that does it, by [Trail.Record], so that
// neither exists without the other; what is refused has no transaction and is
// recorded by [Trail.Note].
//
// A row says who by a number, which outlives the account and is given to nobody
// else. A name that no account has is kept as a keyed hash, as it may be a password
// typed into the wrong field; so are tokens, to tell which events belong together
// without letting anybody in.
package audit

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
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
	// Name is who was tried where that may be nobody. A keyed hash of it is
	// kept, and that only if there is no Subject.
	Name string

	Operation string // of the contract
	Address   string // of the client
	UserAgent string // as sent; it is cut and cleaned
	RequestID string
	// Session and Token are the hashes, as the database has them, of the session
	// that it was done in and of the token that was handed out, ended or
	// presented. Keyed hashes of them are kept.
	Session, Token []byte
	// Repeats is how many more of the same this entry stands for.
	Repeats int64
}

// A Trail records events. All of its fields are required unless they say
// otherwise.
type Trail struct {
	DB     *db.DB
	Signer *token.Signer
	Now    func() time.Time
	Logger *slog.Logger
	// Keep is how long an event is kept; 0 is for ever.
	Keep time.Duration

	// Recorded, if set, is told of every event in the trail, Lost of every one
	// that could not be written, and Suppressed of every one of a flood.
	Recorded, Lost, Suppressed func(Event)

	flood flood
}

// noteWithin bounds how long an answer waits for the record of a refusal: for as
// long as the writes of a burst of refusals take before it, which is when the
// record matters most.
const noteWithin = 2 * time.Second

// Record writes an event down in the transaction q. Its line in the log waits
// for [Held.Release] if ctx comes from [Trail.Hold].
func (t *Trail) Record(ctx context.Context, q *gendb.Queries, e Entry) error {
	row := t.row(e)
	if err := q.AuditAdd(ctx, row); err != nil {
		return err
	}
	if held, ok := ctx.Value(heldKey{}).(*Held); ok {
		held.rows = append(held.rows, row)
		return nil
	}
	t.tell(ctx, row)
	return nil
}

// Note writes an event down in a transaction of its own, unless it is one of a
// flood (see [Trail.Flush]). If that fails, the log alone has the event, as an
// error: an answer never depends on it. The caller's leaving does not stop it
// either, or whoever hangs up at once would not be seen.
func (t *Trail) Note(ctx context.Context, e Entry) {
	row := t.row(e)
	repeats, ok := t.flood.admit(row)
	if !ok {
		report(t.Suppressed, e.Event)
		return
	}
	row.Repeats += repeats
	t.store(ctx, row)
}

// Flush writes what has been counted instead of recorded and has no later row
// that carries the count: of windows that have ended, or of all. It is to be
// called every minute or so, and at the end.
func (t *Trail) Flush(ctx context.Context, all bool) {
	for _, row := range t.flood.take(t.Now(), all) {
		t.store(ctx, row)
	}
}

func (t *Trail) store(ctx context.Context, row gendb.AuditAddParams) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	if err := t.DB.AuditAdd(within, row); err != nil {
		report(t.Lost, Event(row.Event))
		t.log(ctx, slog.LevelError, row, slog.String("not_stored", err.Error()))
		return
	}
	t.tell(ctx, row)
}

// OfToken says what became last of a token or session that this server has handed
// out, and to whom, from the hash of it. The event is empty for one that the trail
// does not know, or no longer.
func (t *Trail) OfToken(ctx context.Context, hash []byte) (last Event, subject int64, err error) {
	row, err := t.DB.AuditOfToken(ctx, t.keyed("token", string(hash)))
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, nil
	}
	return Event(row.Event), row.UserID.Int64, err
}

// Held are the lines about events whose transactions may yet fail.
type Held struct {
	trail *Trail
	rows  []gendb.AuditAddParams
}

type heldKey struct{}

// Hold makes [Trail.Record] keep the lines of one request back.
func (t *Trail) Hold(ctx context.Context) (context.Context, *Held) {
	held := &Held{trail: t}
	return context.WithValue(ctx, heldKey{}, held), held
}

// Release writes the lines; what they say has been committed.
func (h *Held) Release(ctx context.Context) {
	for _, row := range h.rows {
		h.trail.tell(ctx, row)
	}
	h.rows = nil
}

// Drop forgets the lines; what they say has been rolled back.
func (h *Held) Drop() { h.rows = nil }

// tell says of a row that it is in the trail.
func (t *Trail) tell(ctx context.Context, row gendb.AuditAddParams) {
	report(t.Recorded, Event(row.Event))
	t.log(ctx, slog.LevelInfo, row)
}

// log writes the line. It has the same members for every event, so that
// whatever collects logs can rely on them.
func (t *Trail) log(ctx context.Context, level slog.Level, row gendb.AuditAddParams, more ...slog.Attr) {
	t.Logger.LogAttrs(ctx, level, "audit", append([]slog.Attr{
		slog.String("event", row.Event), slog.String("outcome", row.Outcome), slog.String("reason", row.Reason),
		slog.String("operation", row.Operation), slog.Int64("actor_id", row.ActorID.Int64), slog.Int64("user_id", row.UserID.Int64),
		slog.String("user_hash", value(row.UserHash)), slog.String("ip", row.Ip), slog.String("user_agent", row.UserAgent),
		slog.String("request_id", row.RequestID), slog.String("session_hash", value(row.SessionHash)), slog.Int64("repeats", row.Repeats),
	}, more...)...)
}

// row is an entry as it is kept: nothing in it lets anybody in.
func (t *Trail) row(e Entry) gendb.AuditAddParams {
	if e.Outcome == "" {
		e.Outcome = Success
	}
	name := t.keyed("name", e.Name) // for every name, so that none takes longer
	if e.Subject != 0 {
		name = nil
	}
	return gendb.AuditAddParams{
		Now: t.Now(), Event: string(e.Event), Outcome: string(e.Outcome), Reason: e.Reason, Operation: e.Operation,
		ActorID: number(e.Actor), UserID: number(e.Subject), UserHash: name,
		Ip: e.Address, UserAgent: plain(e.UserAgent), RequestID: e.RequestID,
		SessionHash: t.keyed("token", string(e.Session)), TokenHash: t.keyed("token", string(e.Token)), Repeats: e.Repeats,
	}
}

// keyed stands for a value that must not be readable in the trail.
func (t *Trail) keyed(kind, value string) *string {
	if value == "" {
		return nil
	}
	hash := t.Signer.Keyed("audit/"+kind, value)
	return &hash
}

// maxUserAgent bounds what a client can make us keep, in bytes.
const maxUserAgent = 300

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

func report(to func(Event), e Event) {
	if to != nil {
		to(e)
	}
}

func number(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
