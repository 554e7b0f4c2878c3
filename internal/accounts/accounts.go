// Package accounts changes accounts: for their owners, for administrators and for the
// command line.
//
// Methods that change something take the transaction q that they are part of, and a
// user that [Manager.Lock] or [Manager.Create] returned in that transaction. The caller
// decides who may do what.
//
// Every transaction locks the account first, then mails, then tokens. Two transactions
// with different orders would deadlock.
package accounts

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/session"
)

// The roles, as the contract and the table users have them.
const (
	RoleUser      = "user"
	RoleModerator = "moderator"
	RoleAdmin     = "admin"
)

// A Manager changes accounts. All fields are required unless they say otherwise.
type Manager struct {
	DB       *db.DB
	Audit    *audit.Trail
	Sessions *session.Manager
	Mail     *mail.Outbox
	Links    mail.Links
	Tokens   *onetime.Tokens
	// Attempts counts failed logins; nil counts nothing.
	Attempts *ratelimit.Attempts
	Now      func() time.Time
	// Registration is the setting of that name; empty means [RegistrationOpen].
	Registration string
}

// The values of REGISTRATION.
const (
	RegistrationOpen = "open" // an account works at once
	// RegistrationVerified accounts can log in once their email address is confirmed, and a
	// new address replaces the old one when it is confirmed.
	RegistrationVerified = "verified"
	RegistrationClosed   = "closed" // administrators create accounts
)

// RequireVerified reports whether accounts need a confirmed email address.
func (m *Manager) RequireVerified() bool { return m.Registration == RegistrationVerified }

// Find returns an account, or [problem.NotFound].
func (m *Manager) Find(ctx context.Context, id int64) (gendb.User, error) {
	user, err := m.DB.UserByID(ctx, id)
	return user, notFound(err)
}

// Lock locks an account until the end of the transaction and returns its current
// state, whether or not it is disabled; or [problem.NotFound].
func (m *Manager) Lock(ctx context.Context, q *gendb.Queries, id int64) (gendb.User, error) {
	user, err := q.UserLock(ctx, id)
	return user, notFound(err)
}

// LockOwn locks the account of the request's session and returns it; see
// [Manager.LockCaller].
func (m *Manager) LockOwn(ctx context.Context, q *gendb.Queries) (gendb.User, error) {
	current, err := m.LockCaller(ctx, q)
	if err != nil {
		return gendb.User{}, err
	}
	return current.User, nil
}

// LockCaller locks the account of the request's session and returns the session with its
// current state. It returns [problem.LoginRequired] if the session has ended, or the
// account was disabled, since the session was loaded: an attacker with a stolen session
// must not finish a request after the owner ended the session. Whatever else a request
// was checked for before, the role or a fresh login, is checked again with the result: a
// client can hold a request back by its body.
func (m *Manager) LockCaller(ctx context.Context, q *gendb.Queries) (*session.Session, error) {
	_, err := q.UserLockActive(ctx, session.From(ctx).User.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, problem.LoginRequired.Because(err)
	}
	if err != nil {
		return nil, err
	}
	return m.Sessions.Current(ctx, q)
}

// LockWithCaller locks the account of the request's session and another one, which may be
// the same, and then does what [Manager.LockCaller] does. The error is [problem.NotFound] if
// the other one does not exist. Both locks are taken in the order of the ids, so that two
// administrators who change each other do not deadlock.
func (m *Manager) LockWithCaller(ctx context.Context, q *gendb.Queries, id int64) (current *session.Session, user gendb.User, err error) {
	own := session.From(ctx).User.ID
	var missing error
	for _, one := range []int64{min(own, id), max(own, id)} {
		locked, err := m.Lock(ctx, q, one)
		if err != nil && !errors.Is(err, problem.NotFound) {
			return nil, user, err
		}
		if one == id {
			user, missing = locked, err
		}
	}
	if current, err = m.Sessions.Current(ctx, q); err != nil {
		return nil, user, err
	}
	return current, user, missing
}

// LockOwner locks the account of a one-time token. The error is [onetime.ErrInvalid]
// if the account is deleted or disabled.
func (m *Manager) LockOwner(ctx context.Context, q *gendb.Queries, found gendb.Token) (gendb.User, error) {
	user, err := q.UserLockActive(ctx, found.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return user, onetime.ErrInvalid
	}
	return user, err
}

// Redeem locks the account of a one-time token, voids its waiting mails and uses the
// token.
func (m *Manager) Redeem(ctx context.Context, q *gendb.Queries, found gendb.Token, text string) (user gendb.User, used gendb.TokenUseRow, err error) {
	if user, err = m.LockOwner(ctx, q, found); err != nil {
		return user, used, err
	}
	if err = m.Mail.VoidMails(ctx, q, user); err != nil {
		return user, used, err
	}
	used, err = m.Tokens.Use(ctx, q, onetime.Purpose(found.Purpose), text)
	return user, used, err
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return problem.NotFound.Because(err)
	}
	return err
}

// UsernameKey returns the form in which usernames are compared and stored as a unique
// key. Usernames are ASCII by the contract; lower-casing other letters would map
// lookalikes such as U+212A onto each other.
func UsernameKey(username string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, username)
}

// LoginKey returns the form in which logins, usernames or email addresses, are compared.
func LoginKey(login string) string {
	if address, err := email.Parse(login); err == nil {
		return address.Key
	}
	return UsernameKey(login)
}

// ByLogin returns the account with a username or an email address, or sql.ErrNoRows. A
// username contains no @ and an address always does, so no username can equal the
// address of another account.
func ByLogin(ctx context.Context, q *gendb.Queries, login string) (gendb.User, error) {
	if !strings.Contains(login, "@") {
		if !printable(login) {
			return gendb.User{}, sql.ErrNoRows // PostgreSQL rejects NUL in a parameter
		}
		return q.UserByUsernameKey(ctx, UsernameKey(login))
	}
	address, err := email.Parse(login)
	if err != nil {
		return gendb.User{}, sql.ErrNoRows
	}
	return q.UserByEmailKey(ctx, address.Key)
}

// ForLogin is [ByLogin] for a login. It ignores expired registrations and, by email
// address, unconfirmed ones. Otherwise registering an address with a known password and
// logging in with it would reveal whether the address had an account before.
func (m *Manager) ForLogin(ctx context.Context, login string) (gendb.User, error) {
	user, err := ByLogin(ctx, m.DB.Queries, login)
	if err != nil {
		return gendb.User{}, err
	}
	unconfirmed := m.RequireVerified() && user.EmailVerifiedAt == nil
	if Expired(user, m.Now()) || unconfirmed && strings.Contains(login, "@") {
		return gendb.User{}, sql.ErrNoRows
	}
	return user, nil
}

// printable reports whether s is visible ASCII, as every key is.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
