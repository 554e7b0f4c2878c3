package session

import (
	"context"
	"net/http"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/token"
)

// LogIn starts a session for an account in the transaction q, deletes the session that
// the request came with, and sets the cookie. method is an RFC 8176 "amr" value such as
// [Password]. If the transaction fails to commit, the answer must not carry the cookie:
// the error writer of internal/server removes it.
func (m *Manager) LogIn(ctx context.Context, q *gendb.Queries, userID int64, method string) error {
	return apply(ctx, func(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
		if err := m.delete(ctx, r, q, "new_login"); err != nil {
			return err
		}
		value, info := token.New(), reqctx.From(ctx)
		hash, now := token.Hash(value), m.Now()
		_, err := q.SessionCreate(ctx, gendb.SessionCreateParams{
			TokenHash: hash, UserID: userID, Amr: method,
			Ip: info.Address(), UserAgent: storable(info.UserAgent), Now: now, ExpiresAt: now.Add(m.Absolute),
		})
		if err != nil {
			return err
		}
		err = m.Audit.Record(ctx, q, audit.Entry{
			Event: audit.SessionCreated, Actor: userID, Subject: userID, Session: hash, Token: hash,
		})
		if err != nil {
			return err
		}
		http.SetCookie(w, m.Cookie.set(m.Signer.Sign(cookiePurpose, value), m.Absolute))
		return nil
	})
}

// LogOut ends the session of the request in the transaction q and clears the cookie.
// Without a session it only clears the cookie.
func (m *Manager) LogOut(ctx context.Context, q *gendb.Queries) error {
	return apply(ctx, func(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
		if err := m.delete(ctx, r, q, "logout"); err != nil {
			return err
		}
		http.SetCookie(w, m.Cookie.clear())
		return nil
	})
}

// delete ends the session that the request came with, if there is one.
func (m *Manager) delete(ctx context.Context, r *http.Request, q *gendb.Queries, reason string) error {
	hash, ok := m.presented(r)
	if !ok {
		return nil
	}
	n, err := q.SessionDelete(ctx, hash)
	current := From(ctx)
	if err != nil || n == 0 || current == nil {
		return err
	}
	return m.Audit.Record(ctx, q, audit.Entry{
		Event: audit.SessionLogout, Reason: reason, Actor: current.User.ID, Subject: current.User.ID, Session: hash,
	})
}

// Rotate gives the session of the request a new token and makes its login fresh, in the
// transaction q. Call it after the person authenticated again: a copy of the old token
// stops working. The error is [problem.LoginRequired] if the session has ended.
func (m *Manager) Rotate(ctx context.Context, q *gendb.Queries) error {
	return apply(ctx, func(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
		current := From(ctx)
		value, now := token.New(), m.Now()
		hash := token.Hash(value)
		n, err := q.SessionRotate(ctx, gendb.SessionRotateParams{OldHash: current.TokenHash, NewHash: hash, Now: now})
		if err != nil {
			return err
		}
		if n == 0 {
			return problem.LoginRequired.Because(errEnded)
		}
		err = m.Audit.Record(ctx, q, audit.Entry{Event: audit.SessionRenewed, Subject: current.User.ID, Token: hash})
		if err != nil {
			return err
		}
		http.SetCookie(w, m.Cookie.set(m.Signer.Sign(cookiePurpose, value), current.ExpiresAt.Sub(now)))
		return nil
	})
}
