// Package administration lets administrators and moderators manage accounts.
package administration

import (
	"context"
	"slices"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
	"github.com/techtreks/auth/internal/wire"
)

// A Handler implements the operations of the tag administration. All fields are
// required.
type Handler struct {
	DB       *db.DB
	Accounts *accounts.Manager
	Sessions *session.Manager
	Mail     *mail.Outbox
	Signer   *token.Signer // of cursors
}

// ListUsers returns a page of accounts.
func (h *Handler) ListUsers(ctx context.Context, in genapi.ListUsersRequestObject) (genapi.ListUsersResponseObject, error) {
	p := in.Params
	filter := accounts.Filter{Search: wire.Value(p.Search), Role: string(wire.Value(p.Role)), Verified: p.Verified}
	if p.State != nil {
		disabled := *p.State == genapi.UserStateDisabled
		filter.Disabled = &disabled
	}
	pager, err := wire.NewPager(h.Signer, "users", filter)
	if err != nil {
		return nil, err
	}
	from, err := pager.From(p.Cursor)
	if err != nil {
		return nil, err
	}
	page, next, err := h.Accounts.List(ctx, filter, from, wire.Limit(p.Limit))
	if err != nil {
		return nil, err
	}
	return genapi.ListUsers200JSONResponse{Body: genapi.UserList{Users: wire.List(page, wire.ManagedUser), NextCursor: pager.Next(next)}}, nil
}

// GetUser returns one account.
func (h *Handler) GetUser(ctx context.Context, in genapi.GetUserRequestObject) (genapi.GetUserResponseObject, error) {
	user, err := h.Accounts.Find(ctx, int64(in.ID))
	if err != nil {
		return nil, err
	}
	return genapi.GetUser200JSONResponse{Body: genapi.UserFound{Ok: true, User: wire.ManagedUser(user)}}, nil
}

// change changes an account in a transaction. A moderator reaches only plain users, so
// that no moderator can lock out an administrator.
func (h *Handler) change(ctx context.Context, id genapi.UserID, needs proof, do func(*gendb.Queries, gendb.User) (gendb.User, error)) (gendb.User, error) {
	var user gendb.User
	err := h.DB.Tx(ctx, func(q *gendb.Queries) error {
		current, found, err := h.Accounts.LockWithCaller(ctx, q, int64(id))
		if err != nil {
			return err
		}
		if err := h.authorize(ctx, current, needs); err != nil {
			return err
		}
		if current.User.Role != accounts.RoleAdmin && found.Role != accounts.RoleUser {
			return problem.Forbidden
		}
		user, err = do(q, found)
		return err
	})
	return user, err
}

// proof is what an operation needs besides a role.
type proof bool

const (
	anyLogin   proof = false
	freshLogin proof = true
)

// authorize checks the role and the freshness of the caller in the transaction, with the
// caller's account locked: a request in flight while its sender is demoted, disabled or
// logged out has no effect, not even on the sender's own account.
func (h *Handler) authorize(ctx context.Context, current *session.Session, needs proof) error {
	if !slices.Contains(contract.OperationFrom(ctx).Roles, current.User.Role) {
		return problem.Forbidden
	}
	if needs == freshLogin {
		return h.Sessions.CheckFresh(current)
	}
	return nil
}
