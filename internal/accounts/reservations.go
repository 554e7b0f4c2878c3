package accounts

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/email"
)

// UnconfirmedFor is how long a registration is kept whose address nobody confirms,
// where accounts need a confirmed one. What is kept of one whose address had an
// account already, its name, goes at the same age: time does not tell them apart.
const UnconfirmedFor = 7 * 24 * time.Hour

// TakeName reserves a user name, or returns [ErrUsernameTaken], and deletes the accounts
// with the name or the address that are [Gone]. Everybody begins with it who gives a name
// to an account, and ends with [ReleaseName] in the same
// transaction; a registration that gets no account, because its address has one, keeps
// the name. hash is that of the password to log in with, in vain; it may be empty.
func TakeName(ctx context.Context, q *gendb.Queries, username string, address email.Address, hash string, now time.Time) error {
	n, err := q.ReservationTake(ctx, gendb.ReservationTakeParams{
		UsernameKey: UsernameKey(username), PasswordHash: hash, Now: now, ExpiresAt: now.Add(UnconfirmedFor),
	})
	if err == nil && n == 0 {
		err = ErrUsernameTaken
	}
	if err != nil {
		return err
	}
	_, err = q.UsersForgetUnconfirmed(ctx, gendb.UsersForgetUnconfirmedParams{
		UsernameKey: UsernameKey(username), EmailKey: address.Key, Now: &now,
	})
	return err
}

// ReleaseName leaves the name to the account that has it now.
func ReleaseName(ctx context.Context, q *gendb.Queries, username string) error {
	_, err := q.ReservationRelease(ctx, UsernameKey(username))
	return err
}

// ReservedHash is the hash that a login with a reserved name is compared with; empty if
// nobody has reserved it.
func ReservedHash(ctx context.Context, q *gendb.Queries, login string, now time.Time) (string, error) {
	if strings.Contains(login, "@") || !printable(login) {
		return "", nil
	}
	hash, err := q.ReservationHash(ctx, gendb.ReservationHashParams{UsernameKey: UsernameKey(login), Now: now})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return hash, err
}

// Gone reports whether nobody has confirmed an account for so long that it counts as
// deleted, whether or not it has been swept yet.
func Gone(user gendb.User, now time.Time) bool {
	return user.UnconfirmedUntil != nil && user.EmailVerifiedAt == nil && user.Role == RoleUser && !user.UnconfirmedUntil.After(now)
}
