package server

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/session"
)

// defaultLimit is how many accounts a page has where nobody says; the contract
// has the same number.
const defaultLimit = 50

// ListUsers shows accounts, a page at a time.
func (s *Server) ListUsers(ctx context.Context, in genapi.ListUsersRequestObject) (genapi.ListUsersResponseObject, error) {
	p := in.Params
	filter := accounts.Filter{Search: value(p.Search), Role: string(value(p.Role)), Verified: p.Verified}
	if p.State != nil {
		disabled := *p.State == genapi.UserStateDisabled
		filter.Disabled = &disabled
	}
	limit := defaultLimit
	if p.Limit != nil {
		limit = *p.Limit
	}
	named, err := json.Marshal(filter)
	if err != nil {
		return nil, err
	}
	list := "users" + string(named) // a cursor of one filter is none of another
	from, err := s.pageFrom(list, p.Cursor)
	if err != nil {
		return nil, err
	}
	page, next, err := s.Accounts.List(ctx, filter, from, limit)
	if err != nil {
		return nil, err
	}
	return genapi.ListUsers200JSONResponse{Body: genapi.UserList{Users: each(page, Managed), NextCursor: s.cursor(list, next)}}, nil
}

// GetUser shows one account.
func (s *Server) GetUser(ctx context.Context, in genapi.GetUserRequestObject) (genapi.GetUserResponseObject, error) {
	user, err := s.Accounts.Find(ctx, int64(in.ID))
	if err != nil {
		return nil, err
	}
	return genapi.GetUser200JSONResponse{Body: genapi.UserFound{Ok: true, User: Managed(user)}}, nil
}

// CreateUser makes an account for somebody and invites them, whatever the
// setting for registrations.
func (s *Server) CreateUser(ctx context.Context, in genapi.CreateUserRequestObject) (genapi.CreateUserResponseObject, error) {
	if err := s.wantFresh(ctx); err != nil {
		return nil, err
	}
	address, err := email.Parse(in.Body.Email)
	if err != nil {
		return nil, errInternal.Because(err) // the contract has let it through
	}
	newcomer := accounts.Newcomer{
		Username: in.Body.Username, Address: address, Role: accounts.RoleUser, Locale: requestFrom(ctx).locale,
	}
	if in.Body.Role != nil {
		newcomer.Role = string(*in.Body.Role)
	}
	var user gendb.User
	err = s.DB.Tx(ctx, func(q *gendb.Queries) error {
		if user, err = s.Accounts.Create(ctx, q, newcomer); err != nil {
			return err
		}
		if err := s.Accounts.SendLink(ctx, q, user); err != nil {
			return err
		}
		return s.stillAllowed(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	s.Mail.Wake()
	return genapi.CreateUser201JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "User invited", User: Managed(user)}}, nil
}

// SetUserRole gives an account another role. It counts from the next request of
// its owner on, as the role is read with the session.
func (s *Server) SetUserRole(ctx context.Context, in genapi.SetUserRoleRequestObject) (genapi.SetUserRoleResponseObject, error) {
	if err := s.wantFresh(ctx); err != nil {
		return nil, err
	}
	user, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return s.Accounts.SetRole(ctx, q, user, string(in.Body.Role))
	})
	if err != nil {
		return nil, err
	}
	return genapi.SetUserRole200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "Role changed", User: Managed(user)}}, nil
}

// DisableUser locks somebody out.
func (s *Server) DisableUser(ctx context.Context, in genapi.DisableUserRequestObject) (genapi.DisableUserResponseObject, error) {
	user, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return s.Accounts.Disable(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.DisableUser200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "User disabled", User: Managed(user)}}, nil
}

// EnableUser lets somebody in again.
func (s *Server) EnableUser(ctx context.Context, in genapi.EnableUserRequestObject) (genapi.EnableUserResponseObject, error) {
	user, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return s.Accounts.Enable(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.EnableUser200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "User enabled", User: Managed(user)}}, nil
}

// MarkEmailVerified counts an address as confirmed without a mail.
func (s *Server) MarkEmailVerified(ctx context.Context, in genapi.MarkEmailVerifiedRequestObject) (genapi.MarkEmailVerifiedResponseObject, error) {
	user, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return s.Accounts.MarkVerified(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.MarkEmailVerified200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "Email verified", User: Managed(user)}}, nil
}

// SendPasswordReset mails the owner of an account a link to set a password.
func (s *Server) SendPasswordReset(ctx context.Context, in genapi.SendPasswordResetRequestObject) (genapi.SendPasswordResetResponseObject, error) {
	_, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return user, s.Accounts.SendLink(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	s.Mail.Wake()
	return genapi.SendPasswordReset200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Reset link sent"}}, nil
}

// DeleteUser deletes an account with all that belongs to it.
func (s *Server) DeleteUser(ctx context.Context, in genapi.DeleteUserRequestObject) (genapi.DeleteUserResponseObject, error) {
	if err := s.wantFresh(ctx); err != nil {
		return nil, err
	}
	_, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return user, s.Accounts.Delete(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.DeleteUser200JSONResponse{Body: genapi.Done{Ok: true, Msg: "User deleted"}}, nil
}

// administer changes somebody's account in a transaction. Moderators reach
// plain users alone: nobody can lock out those who watch over them.
func (s *Server) administer(ctx context.Context, id genapi.UserID, change func(*gendb.Queries, gendb.User) (gendb.User, error)) (gendb.User, error) {
	caller := session.From(ctx).User
	var user gendb.User
	err := s.DB.Tx(ctx, func(q *gendb.Queries) (err error) {
		if user, err = s.Accounts.Hold(ctx, q, int64(id)); err != nil {
			return err
		}
		if caller.Role != accounts.RoleAdmin && user.Role != accounts.RoleUser {
			return contract.ErrForbidden
		}
		if user, err = change(q, user); err != nil || user.ID == caller.ID {
			return err
		}
		return s.stillAllowed(ctx, q)
	})
	return user, err
}

// stillAllowed looks at the caller once more, at the end of the transaction: a
// request that was on its way when its sender lost the role, was disabled or
// logged out comes to nothing.
func (s *Server) stillAllowed(ctx context.Context, q *gendb.Queries) error {
	now := s.Now()
	row, err := q.SessionByTokenHash(ctx, gendb.SessionByTokenHashParams{
		TokenHash: session.From(ctx).TokenHash, Now: now, IdleSince: now.Add(-s.Sessions.Idle),
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return session.ErrEnded
	case err == nil && !slices.Contains(contract.OperationFrom(ctx).Roles, row.User.Role):
		return contract.ErrForbidden
	}
	return err
}

// wantFresh refuses what could not be made good to a login that is too old:
// whoever sits down at an open browser must know the password as well.
func (s *Server) wantFresh(ctx context.Context) error {
	if !session.From(ctx).Fresh(s.Now()) {
		return errReauthRequired
	}
	return nil
}

// Managed is what those who look after the server get to see of an account:
// these members and, by construction, no other.
func Managed(u gendb.User) genapi.ManagedUser {
	state := genapi.UserStateActive
	if u.DisabledAt != nil {
		state = genapi.UserStateDisabled
	}
	return genapi.ManagedUser{
		ID: int(u.ID), Username: u.Username, Email: u.Email, Role: genapi.Role(u.Role), State: state,
		EmailVerified: u.EmailVerifiedAt != nil, HasPassword: u.PasswordHash != nil,
		CreatedAt: u.CreatedAt, DisabledAt: u.DisabledAt,
	}
}

// value is what p points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
