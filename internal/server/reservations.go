package server

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/email"
)

// Where accounts need a confirmed address, a registration with an address that has
// an account is answered like any other. What is in this file keeps the next
// request from telling: whether the name is still free, what a login with it says,
// what a login with the address says, and how long all of that lasts.

// takeName is [accounts.TakeName] for requests.
func (s *Server) takeName(ctx context.Context, q *gendb.Queries, username string, address email.Address, hash string) error {
	err := accounts.TakeName(ctx, q, username, address, hash, s.Now())
	if errors.Is(err, accounts.ErrUsernameTaken) {
		return errUsernameTaken.Because(err)
	}
	return err
}

// unconfirmedUntil is how long an account that registers now is kept unconfirmed.
func (s *Server) unconfirmedUntil() *time.Time {
	if s.Registration != registrationVerified {
		return nil
	}
	until := s.Now().Add(accounts.UnconfirmedFor)
	return &until
}

// userByLogin finds the account to log in to. By its address it finds one whose
// address is confirmed alone: of two registrations with a password of the
// stranger's choice, that for a free address would otherwise be told by the answer
// to a login with the address.
func (s *Server) userByLogin(ctx context.Context, login string) (gendb.User, error) {
	user, err := accounts.ByLogin(ctx, s.DB.Queries, login)
	if err != nil {
		return gendb.User{}, err
	}
	unconfirmed := s.Registration == registrationVerified && user.EmailVerifiedAt == nil
	if accounts.Gone(user, s.Now()) || unconfirmed && strings.Contains(login, "@") {
		return gendb.User{}, sql.ErrNoRows
	}
	return user, nil
}
