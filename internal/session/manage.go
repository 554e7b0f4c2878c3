package session

import (
	"context"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
)

// EndAll ends every session of an account.
func (m *Manager) EndAll(ctx context.Context, q *gendb.Queries, userID int64) error {
	n, err := q.SessionsDeleteOfUser(ctx, userID)
	return m.revoked(ctx, q, userID, n, err)
}

// EndOthers ends every session of the account but the one of the request.
func (m *Manager) EndOthers(ctx context.Context, q *gendb.Queries) error {
	current := From(ctx)
	n, err := q.SessionsDeleteOthers(ctx, gendb.SessionsDeleteOthersParams{UserID: current.User.ID, KeepID: current.ID})
	return m.revoked(ctx, q, current.User.ID, n, err)
}

// End ends one session of an account and reports whether it existed.
func (m *Manager) End(ctx context.Context, q *gendb.Queries, userID, id int64) (bool, error) {
	n, err := q.SessionDeleteOfUser(ctx, gendb.SessionDeleteOfUserParams{ID: id, UserID: userID})
	return n > 0, m.revoked(ctx, q, userID, n, err)
}

// revoked records that n sessions were ended at once: one event, however many.
func (m *Manager) revoked(ctx context.Context, q *gendb.Queries, userID, n int64, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return m.Audit.Record(ctx, q, audit.Entry{Event: audit.TokenRevoked, Reason: "sessions_ended", Subject: userID, Repeats: n - 1})
}

// sweepBatch bounds how long a sweep holds SQLite's one writer.
const sweepBatch = 500

// Sweep deletes expired sessions and returns their number. No query finds them before.
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
			if err := m.Audit.Record(ctx, q, e); err != nil {
				return err
			}
		}
		n = len(ended)
		return nil
	})
	return n, err
}

// MaxListed bounds [Manager.List].
const MaxListed = 200

// List returns the live sessions of an account, the latest used first.
func (m *Manager) List(ctx context.Context, userID int64) ([]gendb.Session, error) {
	now := m.Now()
	return m.DB.SessionsOfUser(ctx, gendb.SessionsOfUserParams{
		UserID: userID, Now: now, IdleSince: now.Add(-m.Idle), MaxRows: MaxListed,
	})
}
