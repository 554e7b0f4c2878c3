// Package audit records what happened to accounts: logins, refusals, changes.
//
// Each event is one row of the table audit_events and one line of the log. An event of
// a successful change is recorded in the transaction of the change, by [Trail.Record],
// so that neither exists without the other. A refusal has no transaction and is
// recorded by [Trail.Note].
//
// A row names accounts by id, which outlives the account and is never reused. A name
// without an account is stored as a keyed hash, because it may be a password typed
// into the wrong field. Tokens are stored as keyed hashes too: they show which events
// belong together and open no session.
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
	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/flood"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/token"
)

// An Entry is one event. Only Event is required: what is empty is filled in from the
// [reqctx.Info] of the context.
type Entry struct {
	Event   Event
	Outcome Outcome // empty means Success for Record and Failure for Note
	Reason  string  // code in snake_case: why it failed, or what changed

	// Actor is the account that acts, Subject the account that it acts on; 0 is none.
	Actor, Subject int64
	// Name is the login name of an attempt. Its keyed hash is stored if there is no
	// Subject.
	Name string

	Origin Origin // of background work for a request that has ended
	// Session is the hash of the session that acts, as the database stores it. Token is
	// the hash of the token that was issued, ended or presented. The trail stores keyed
	// hashes of both.
	Session, Token []byte
	// Repeats is how many more equal events this entry stands for.
	Repeats int64
}

// An Origin is where a request came from.
type Origin struct {
	Address   string // of the client
	UserAgent string // as sent; it is cut and cleaned
	RequestID string
}

// A Trail records events. All fields are required unless they say otherwise.
type Trail struct {
	DB     *db.DB
	Signer *token.Signer
	Now    func() time.Time
	Logger *slog.Logger
	// Keep is how long an event is stored; 0 means without limit.
	Keep time.Duration
	// Metrics count the events; nil counts nothing.
	Metrics *metrics.Metrics

	suppressed flood.Suppressor[floodKey, gendb.AuditAddParams]
}

// floodKey groups the refusals that unauthenticated clients can cause: of one event
// from one network, the first ten per minute are stored and the others counted.
type floodKey struct{ event, network string }

// noteTimeout bounds how long an answer waits for the record of a refusal. It is long
// enough for the writes during a burst of refusals, when the record matters most.
const noteTimeout = 2 * time.Second

// Record stores an event in the transaction q. Its log line waits for [DeferredLog.Release]
// if ctx comes from [Trail.DeferLog].
func (t *Trail) Record(ctx context.Context, q *gendb.Queries, e Entry) error {
	if e.Outcome == "" {
		e.Outcome = Success
	}
	row := t.row(ctx, e)
	if err := q.AuditAdd(ctx, row); err != nil {
		return err
	}
	if deferred, ok := ctx.Value(deferredKey{}).(*DeferredLog); ok {
		deferred.rows = append(deferred.rows, row)
		return nil
	}
	t.stored(ctx, row)
	return nil
}

// Note stores the event of a refusal in a transaction of its own, unless the event is
// suppressed as part of a flood (see [Trail.Flush]). If that fails, the log has the
// event as an error; the answer never depends on it. The end of the request does not
// cancel it: otherwise a client that closes the connection at once would leave no trace.
func (t *Trail) Note(ctx context.Context, e Entry) {
	if e.Outcome == "" {
		e.Outcome = Failure
	}
	row := t.row(ctx, e)
	network := row.Ip
	if addr := clientip.Parse(row.Ip); addr.IsValid() {
		network = clientip.Network(addr)
	}
	repeats, ok := t.suppressed.Admit(row.Now, floodKey{row.Event, network}, floodKey{row.Event, "others"}, row)
	if !ok {
		if t.Metrics != nil {
			t.Metrics.AuditLost(metrics.AuditSuppressed)
		}
		return
	}
	row.Repeats += repeats
	t.store(ctx, row)
}

// Flush stores the counts of suppressed events that no later row carries: of windows
// that have ended, or of all. Call it about every minute and at shutdown.
func (t *Trail) Flush(ctx context.Context, all bool) {
	for _, s := range t.suppressed.Take(t.Now(), all) {
		row := s.Last
		row.Repeats += s.Count - 1
		t.store(ctx, row)
	}
}

func (t *Trail) store(ctx context.Context, row gendb.AuditAddParams) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if err := t.DB.AuditAdd(within, row); err != nil {
		if t.Metrics != nil {
			t.Metrics.AuditLost(metrics.AuditFailed)
		}
		t.log(ctx, slog.LevelError, row, slog.String("not_stored", err.Error()))
		return
	}
	t.stored(ctx, row)
}

// LastOfToken returns the latest event of a token or session that this server issued,
// by its hash, and the account it was issued to. The event is empty for a token that
// the trail does not have.
func (t *Trail) LastOfToken(ctx context.Context, hash []byte) (last Event, subject int64, err error) {
	row, err := t.DB.AuditOfToken(ctx, t.keyed("token", string(hash)))
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, nil
	}
	return Event(row.Event), row.UserID.Int64, err
}

// DeferredLog holds the log lines of events with a transaction that may still fail.
type DeferredLog struct {
	trail *Trail
	rows  []gendb.AuditAddParams
}

type deferredKey struct{}

// DeferLog makes [Trail.Record] keep the log lines of one request back.
func (t *Trail) DeferLog(ctx context.Context) (context.Context, *DeferredLog) {
	deferred := &DeferredLog{trail: t}
	return context.WithValue(ctx, deferredKey{}, deferred), deferred
}

// Release writes the lines of committed events.
func (h *DeferredLog) Release(ctx context.Context) {
	for _, row := range h.rows {
		h.trail.stored(ctx, row)
	}
	h.rows = nil
}

// Drop discards the lines of events that were rolled back.
func (h *DeferredLog) Drop() { h.rows = nil }

// stored logs and counts an event that is in the trail.
func (t *Trail) stored(ctx context.Context, row gendb.AuditAddParams) {
	if t.Metrics != nil {
		t.Metrics.AuditEvent(row.Event)
	}
	t.log(ctx, slog.LevelInfo, row)
}

// log writes the line. Every event has the same members, so that log collectors can
// rely on them.
func (t *Trail) log(ctx context.Context, level slog.Level, row gendb.AuditAddParams, more ...slog.Attr) {
	t.Logger.LogAttrs(ctx, level, "audit", append([]slog.Attr{
		slog.String("event", row.Event), slog.String("outcome", row.Outcome), slog.String("reason", row.Reason),
		slog.String("operation", row.Operation), slog.Int64("actor_id", row.ActorID.Int64), slog.Int64("user_id", row.UserID.Int64),
		slog.String("user_hash", value(row.UserHash)), slog.String("ip", row.Ip), slog.String("user_agent", row.UserAgent),
		slog.String("request_id", row.RequestID), slog.String("session_hash", value(row.SessionHash)), slog.Int64("repeats", row.Repeats),
	}, more...)...)
}

// row returns an entry as it is stored, completed from the request. Nothing in it
// opens a session or a link.
func (t *Trail) row(ctx context.Context, e Entry) gendb.AuditAddParams {
	info := reqctx.From(ctx)
	if e.Origin == (Origin{}) {
		e.Origin = Origin{Address: info.Address(), UserAgent: info.UserAgent, RequestID: info.RequestID}
	}
	if e.Actor == 0 {
		e.Actor = info.Actor
	}
	if e.Session == nil {
		e.Session = info.Session
	}
	name := t.keyed("name", e.Name) // for every name, so that response time does not depend on it
	if e.Subject != 0 {
		name = nil
	}
	return gendb.AuditAddParams{
		Now: t.Now(), Event: string(e.Event), Outcome: string(e.Outcome), Reason: e.Reason, Operation: info.Operation,
		ActorID: number(e.Actor), UserID: number(e.Subject), UserHash: name,
		Ip: e.Origin.Address, UserAgent: plain(e.Origin.UserAgent), RequestID: e.Origin.RequestID,
		SessionHash: t.keyed("token", string(e.Session)), TokenHash: t.keyed("token", string(e.Token)), Repeats: e.Repeats,
	}
}

// keyed returns the keyed hash of a value that must not be readable in the trail.
func (t *Trail) keyed(kind, value string) *string {
	if value == "" {
		return nil
	}
	hash := t.Signer.Keyed("audit/"+kind, value)
	return &hash
}

// maxUserAgent bounds what a client can make the trail store, in bytes.
const maxUserAgent = 300

// plain replaces everything but printable ASCII, because rows are shown in terminals:
// no line breaks, no control sequences, no right-to-left overrides.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), maxUserAgent)])
}

func number(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
