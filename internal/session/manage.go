package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/token"
)

// FreshFor is how long after the password was given a login is good enough for
// changes that could cost the person the account: e-mail, password, deletion
// (ASVS 5.0.0-7.5.1).
const FreshFor = 10 * time.Minute

// ErrEnded says that the session of the request was ended while the request
// was on its way.
var ErrEnded = errors.New("session: ended meanwhile")

// Fresh reports whether the password was given so recently that it need not be
// asked for again.
func (s *Session) Fresh(now time.Time) bool { return now.Sub(s.AuthenticatedAt) < FreshFor }

// Rotate gives the session of the request a new token and counts its login as
// fresh. It is for after the password was given again; whoever had copied the
// old token is out. The error is [ErrEnded] when there is no session to rotate
// any more.
func (m *Manager) Rotate(ctx context.Context, q *gendb.Queries) error {
	store := inRequest(ctx)
	store.Clear()
	store.Set(keyRotate, q)
	return store.Save()
}

func (m *Manager) rotate(ctx context.Context, w http.ResponseWriter, q *gendb.Queries) error {
	current := From(ctx)
	value, now := token.New(), m.Now()
	hash := token.Hash(value)
	n, err := q.SessionRotate(ctx, gendb.SessionRotateParams{
		OldHash: current.TokenHash, NewHash: hash, Now: now,
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrEnded
	}
	err = m.Record(ctx, q, audit.Entry{Event: audit.SessionRenewed, Subject: current.User.ID, Token: hash})
	if err != nil {
		return err
	}
	http.SetCookie(w, m.Cookie.set(m.Signer.Sign(cookiePurpose, value), current.ExpiresAt.Sub(now)))
	return nil
}

// EndAll ends every session of a person.
func (m *Manager) EndAll(ctx context.Context, q *gendb.Queries, userID int64) error {
	n, err := q.SessionsDeleteOfUser(ctx, userID)
	return m.revoked(ctx, q, userID, n, err)
}

// EndOthers ends every session of the person but the one of the request.
func (m *Manager) EndOthers(ctx context.Context, q *gendb.Queries) error {
	current := From(ctx)
	n, err := q.SessionsDeleteOthers(ctx, gendb.SessionsDeleteOthersParams{UserID: current.User.ID, KeepID: current.ID})
	return m.revoked(ctx, q, current.User.ID, n, err)
}

// End ends one session of a person, and reports whether there was one.
func (m *Manager) End(ctx context.Context, q *gendb.Queries, userID, id int64) (bool, error) {
	n, err := q.SessionDeleteOfUser(ctx, gendb.SessionDeleteOfUserParams{ID: id, UserID: userID})
	return n > 0, m.revoked(ctx, q, userID, n, err)
}

// revoked records that n sessions were ended at once: one event, however many.
func (m *Manager) revoked(ctx context.Context, q *gendb.Queries, userID, n int64, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return m.Record(ctx, q, audit.Entry{Event: audit.TokenRevoked, Reason: "sessions_ended", Subject: userID, Repeats: n - 1})
}

// sweepBatch bounds how long a sweep keeps SQLite's one writer.
const sweepBatch = 500

// Sweep deletes the rows of sessions that have ended by themselves and returns
// their number. They are useless before: no query finds them.
func (m *Manager) Sweep(ctx context.Context) (total int64, err error) {
	for n := sweepBatch; n == sweepBatch && err == nil; total += int64(n) {
		n, err = m.sweep(ctx)
	}
	return total, err
}

func (m *Manager) sweep(ctx context.Context) (n int, err error) {
	now := m.Now()
	err = m.DB.Tx(ctx, func(q *gendb.Queries) error {
		ended, err := q.SessionsDeleteExpired(ctx, gendb.SessionsDeleteExpiredParams{Now: now, IdleSince: now.Add(-m.Idle), MaxRows: sweepBatch})
		if err != nil {
			return err
		}
		for _, s := range ended {
			reason := "idle"
			if !s.ExpiresAt.After(now) {
				reason = "absolute"
			}
			e := audit.Entry{Event: audit.SessionExpired, Reason: reason, Subject: s.UserID, Session: s.TokenHash, Token: s.TokenHash}
			if err := m.Record(ctx, q, e); err != nil {
				return err
			}
		}
		n = len(ended)
		return nil
	})
	return n, err
}

// MaxListed bounds the list of a person's sessions.
const MaxListed = 200

// List returns the live sessions of a person, the latest used first.
func (m *Manager) List(ctx context.Context, userID int64) ([]gendb.Session, error) {
	now := m.Now()
	return m.DB.SessionsOfUser(ctx, gendb.SessionsOfUserParams{
		UserID: userID, Now: now, IdleSince: now.Add(-m.Idle), MaxRows: MaxListed,
	})
}
