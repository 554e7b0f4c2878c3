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
func (h *Handler) change(ctx context.Context, id genapi.UserID, do func(*gendb.Queries, gendb.User) (gendb.User, error)) (gendb.User, error) {
	caller := session.From(ctx).User
	var user gendb.User
	err := h.DB.Tx(ctx, func(q *gendb.Queries) (err error) {
		if user, err = h.Accounts.Lock(ctx, q, int64(id)); err != nil {
			return err
		}
		if caller.Role != accounts.RoleAdmin && user.Role != accounts.RoleUser {
			return problem.Forbidden
		}
		if user, err = do(q, user); err != nil || user.ID == caller.ID {
			return err
		}
		return h.authorizeAgain(ctx, q)
	})
	return user, err
}

// authorizeAgain checks the caller's session and role at the end of the transaction: a
// request in flight while its sender is demoted, disabled or logged out has no effect.
func (h *Handler) authorizeAgain(ctx context.Context, q *gendb.Queries) error {
	current, err := h.Sessions.Current(ctx, q)
	if err != nil {
		return err
	}
	if !slices.Contains(contract.OperationFrom(ctx).Roles, current.User.Role) {
		return problem.Forbidden
	}
	return nil
}
