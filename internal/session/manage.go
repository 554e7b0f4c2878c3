package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
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
	n, err := q.SessionRotate(ctx, gendb.SessionRotateParams{
		OldHash: current.TokenHash, NewHash: token.Hash(value), Now: now,
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrEnded
	}
	http.SetCookie(w, m.Cookie.set(m.Signer.Sign(cookiePurpose, value), current.ExpiresAt.Sub(now)))
	return nil
}

// EndAll ends every session of a person.
func (m *Manager) EndAll(ctx context.Context, q *gendb.Queries, userID int64) error {
	_, err := q.SessionsDeleteOfUser(ctx, userID)
	return err
}

// EndOthers ends every session of the person but the one of the request.
func (m *Manager) EndOthers(ctx context.Context, q *gendb.Queries) error {
	current := From(ctx)
	_, err := q.SessionsDeleteOthers(ctx, gendb.SessionsDeleteOthersParams{UserID: current.User.ID, KeepID: current.ID})
	return err
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
