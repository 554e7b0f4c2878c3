package accounts

import (
	"context"
	"database/sql"
	"errors"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/problem"
)

// A New describes an account to create.
type New struct {
	Username string
	Address  email.Address
	Role     string
	Locale   string
	// PasswordHash is empty for an invitation: the owner sets the password.
	PasswordHash string
}

// Create creates an account, or returns [problem.UsernameTaken] or
// [problem.EmailTaken], the username first if both are taken. With a password it is
// recorded as a registration by the owner. Without one it is an invitation, and nothing
// opens the account until the owner sets a password.
func (m *Manager) Create(ctx context.Context, q *gendb.Queries, n New) (gendb.User, error) {
	if err := takeName(ctx, q, n.Username, n.Address, n.PasswordHash, m.Now()); err != nil {
		return gendb.User{}, err
	}
	p := gendb.UserCreateParams{
		Username: n.Username, UsernameKey: UsernameKey(n.Username),
		Email: n.Address.Display, EmailKey: n.Address.Key, Role: n.Role, Locale: n.Locale, Now: m.Now(),
	}
	registered := n.PasswordHash != ""
	if registered {
		p.PasswordHash = &n.PasswordHash
		if m.RequireVerified() {
			until := p.Now.Add(UnconfirmedFor)
			p.UnconfirmedUntil = &until
		}
	}
	// The unique indexes decide which of two concurrent requests gets the name.
	id, err := q.UserCreate(ctx, p)
	if errors.Is(err, sql.ErrNoRows) {
		return gendb.User{}, taken(ctx, q, n.Username)
	}
	if err == nil {
		err = releaseName(ctx, q, n.Username)
	}
	if err != nil {
		return gendb.User{}, err
	}
	e := audit.Entry{Event: audit.UserCreated, Reason: "invited_as_" + n.Role, Subject: id}
	if registered {
		e.Reason, e.Actor = "registered", id
	}
	if err := m.Audit.Record(ctx, q, e); err != nil {
		return gendb.User{}, err
	}
	return q.UserByID(ctx, id)
}

// taken returns which unique constraint rejected an account.
func taken(ctx context.Context, q *gendb.Queries, username string) error {
	_, err := q.UserByUsernameKey(ctx, UsernameKey(username))
	switch {
	case err == nil:
		return problem.UsernameTaken
	case errors.Is(err, sql.ErrNoRows):
		return problem.EmailTaken
	}
	return err
}
