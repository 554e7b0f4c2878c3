package administration

import (
	"context"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/wire"
)

// CreateUser creates an account and invites its owner, in every mode of REGISTRATION.
func (h *Handler) CreateUser(ctx context.Context, in genapi.CreateUserRequestObject) (genapi.CreateUserResponseObject, error) {
	if err := h.Sessions.RequireFresh(ctx); err != nil {
		return nil, err
	}
	address, err := email.Parse(in.Body.Email)
	if err != nil {
		return nil, problem.Internal.Because(err) // the contract has validated it
	}
	n := accounts.New{Username: in.Body.Username, Address: address, Role: accounts.RoleUser, Locale: reqctx.From(ctx).Locale}
	if in.Body.Role != nil {
		n.Role = string(*in.Body.Role)
	}
	var user gendb.User
	err = h.DB.Tx(ctx, func(q *gendb.Queries) error {
		current, err := h.Accounts.LockCaller(ctx, q)
		if err != nil {
			return err
		}
		if err := h.authorize(ctx, current, freshLogin); err != nil {
			return err
		}
		if user, err = h.Accounts.Create(ctx, q, n); err != nil {
			return err
		}
		return h.Accounts.SendLink(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	h.Mail.Wake()
	return genapi.CreateUser201JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "User invited", User: wire.ManagedUser(user)}}, nil
}

// SetUserRole changes the role of an account.
func (h *Handler) SetUserRole(ctx context.Context, in genapi.SetUserRoleRequestObject) (genapi.SetUserRoleResponseObject, error) {
	if err := h.Sessions.RequireFresh(ctx); err != nil {
		return nil, err
	}
	user, err := h.change(ctx, in.ID, freshLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return h.Accounts.SetRole(ctx, q, user, string(in.Body.Role))
	})
	if err != nil {
		return nil, err
	}
	return genapi.SetUserRole200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "Role changed", User: wire.ManagedUser(user)}}, nil
}

// DisableUser locks the owner of an account out.
func (h *Handler) DisableUser(ctx context.Context, in genapi.DisableUserRequestObject) (genapi.DisableUserResponseObject, error) {
	user, err := h.change(ctx, in.ID, anyLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return h.Accounts.Disable(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.DisableUser200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "User disabled", User: wire.ManagedUser(user)}}, nil
}

// EnableUser lets the owner of an account log in again.
func (h *Handler) EnableUser(ctx context.Context, in genapi.EnableUserRequestObject) (genapi.EnableUserResponseObject, error) {
	user, err := h.change(ctx, in.ID, anyLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return h.Accounts.Enable(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.EnableUser200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "User enabled", User: wire.ManagedUser(user)}}, nil
}

// MarkEmailVerified confirms the email address of an account without a mail.
func (h *Handler) MarkEmailVerified(ctx context.Context, in genapi.MarkEmailVerifiedRequestObject) (genapi.MarkEmailVerifiedResponseObject, error) {
	user, err := h.change(ctx, in.ID, anyLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return h.Accounts.MarkVerified(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.MarkEmailVerified200JSONResponse{Body: genapi.UserChanged{Ok: true, Msg: "Email verified", User: wire.ManagedUser(user)}}, nil
}

// SendPasswordReset mails the owner of an account a link to set a password.
func (h *Handler) SendPasswordReset(ctx context.Context, in genapi.SendPasswordResetRequestObject) (genapi.SendPasswordResetResponseObject, error) {
	_, err := h.change(ctx, in.ID, anyLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return user, h.Accounts.SendLink(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	h.Mail.Wake()
	return genapi.SendPasswordReset200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Reset link sent"}}, nil
}

// DeleteUser deletes an account with everything that belongs to it.
func (h *Handler) DeleteUser(ctx context.Context, in genapi.DeleteUserRequestObject) (genapi.DeleteUserResponseObject, error) {
	if err := h.Sessions.RequireFresh(ctx); err != nil {
		return nil, err
	}
	_, err := h.change(ctx, in.ID, freshLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return user, h.Accounts.Delete(ctx, q, user)
	})
	if err != nil {
		return nil, err
	}
	return genapi.DeleteUser200JSONResponse{Body: genapi.Done{Ok: true, Msg: "User deleted"}}, nil
}
