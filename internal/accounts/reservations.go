package accounts

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/problem"
)

// With REGISTRATION=verified, a registration with a taken email address gets the same
// answer as any other. The reservation of its username keeps later requests consistent
// with that answer: whether the username is still free, and what a login with it
// returns.

// UnconfirmedFor is how long an unconfirmed registration is kept if accounts need a
// confirmed address. A reserved name is kept as long, so that the two cannot be told
// apart by time.
const UnconfirmedFor = 7 * 24 * time.Hour

// takeName reserves a username, or returns [problem.UsernameTaken]. It also deletes
// expired registrations with the username or the address. Every transaction that gives
// a username to an account begins with takeName and ends with releaseName. A
// registration that creates no account, because its address is taken, keeps the
// reservation. hash is the hash of the chosen password, which later logins are compared
// with; it may be empty.
func takeName(ctx context.Context, q *gendb.Queries, username string, address email.Address, hash string, now time.Time) error {
	n, err := q.ReservationTake(ctx, gendb.ReservationTakeParams{
		UsernameKey: UsernameKey(username), PasswordHash: hash, Now: now, ExpiresAt: now.Add(UnconfirmedFor),
	})
	if err == nil && n == 0 {
		err = problem.UsernameTaken
	}
	if err != nil {
		return err
	}
	_, err = q.UsersDeleteBlocking(ctx, gendb.UsersDeleteBlockingParams{
		UsernameKey: UsernameKey(username), EmailKey: address.Key, Now: &now,
	})
	return err
}

// releaseName ends the reservation of a username that an account has now.
func releaseName(ctx context.Context, q *gendb.Queries, username string) error {
	_, err := q.ReservationRelease(ctx, UsernameKey(username))
	return err
}

// ReservedHash returns the password hash that a login with a reserved username is
// compared with, empty if the username is not reserved.
func (m *Manager) ReservedHash(ctx context.Context, login string) (string, error) {
	if strings.Contains(login, "@") || !printable(login) {
		return "", nil
	}
	hash, err := m.DB.ReservationHash(ctx, gendb.ReservationHashParams{UsernameKey: UsernameKey(login), Now: m.Now()})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return hash, err
}

// Expired reports whether a registration was unconfirmed for so long that it counts as
// deleted, whether or not it has been swept.
func Expired(user gendb.User, now time.Time) bool {
	return user.UnconfirmedUntil != nil && user.EmailVerifiedAt == nil && user.Role == RoleUser && !user.UnconfirmedUntil.After(now)
}

// SweepUnconfirmed deletes expired registrations and returns their number.
func (m *Manager) SweepUnconfirmed(ctx context.Context) (int64, error) {
	now := m.Now()
	return m.DB.UsersDeleteUnconfirmed(ctx, &now)
}

// SweepReservations deletes expired reservations and returns their number.
func (m *Manager) SweepReservations(ctx context.Context) (int64, error) {
	return m.DB.ReservationsDeleteExpired(ctx, m.Now())
}
