// Package account lets people manage their own account.
package account

import (
	"context"
	"errors"
	"time"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/credential"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/throttle"
	"github.com/techtreks/auth/internal/wire"
)

// A Handler implements the operations of the tag account. All fields are required.
type Handler struct {
	DB          *db.DB
	Accounts    *accounts.Manager
	Sessions    *session.Manager
	Credentials *credential.Checker
	Validate    *credential.Validator
	Throttle    *throttle.Throttle
	Mail        *mail.Outbox
	Tokens      *onetime.Tokens
	Audit       *audit.Trail
	Now         func() time.Time
}

// GetProfile returns the caller's account.
func (h *Handler) GetProfile(ctx context.Context, _ genapi.GetProfileRequestObject) (genapi.GetProfileResponseObject, error) {
	user := session.From(ctx).User
	return genapi.GetProfile200JSONResponse{Body: genapi.Profile{
		ID: int(user.ID), Username: user.Username, Email: user.Email, Role: genapi.Role(user.Role),
		EmailVerified: user.EmailVerifiedAt != nil, HasPassword: user.PasswordHash != nil, CreatedAt: user.CreatedAt,
	}}, nil
}

// ChangePassword sets a new password. It demands the current one whatever the age of the
// login (ASVS 5.0.0-6.2.3). An account without a password needs a fresh login instead.
func (h *Handler) ChangePassword(ctx context.Context, in genapi.ChangePasswordRequestObject) (genapi.ChangePasswordResponseObject, error) {
	current := session.From(ctx).User
	if err := h.checkCurrentPassword(ctx, current, wire.Value(in.Body.CurrentPassword)); err != nil {
		return nil, err
	}
	owner := password.Owner{Username: current.Username, Email: current.Email}
	hash, err := h.Validate.HashPassword(ctx, "new_password", in.Body.NewPassword, owner)
	if err != nil {
		return nil, err
	}
	if err := h.DB.Tx(ctx, func(q *gendb.Queries) error { return h.setPassword(ctx, q, current, hash) }); err != nil {
		return nil, err
	}
	h.Mail.Wake()
	return genapi.ChangePassword200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password changed"}}, nil
}

// setPassword sets the password unless another request has set one since checked was read.
func (h *Handler) setPassword(ctx context.Context, q *gendb.Queries, checked gendb.User, hash string) error {
	caller, err := h.Accounts.LockCaller(ctx, q)
	if err != nil {
		return err
	}
	if caller.User.PasswordVersion != checked.PasswordVersion {
		return problem.LoginRequired.Because(errPasswordSet)
	}
	if checked.PasswordHash == nil {
		if err := h.Sessions.CheckFresh(caller); err != nil {
			return err
		}
	}
	return h.Accounts.ChangePassword(ctx, q, caller.User, hash)
}

// errPasswordSet is the private cause of a refused change: another request has set a
// password since the current one was checked.
var errPasswordSet = errors.New("the password was changed meanwhile")

func (h *Handler) checkCurrentPassword(ctx context.Context, user gendb.User, given string) error {
	switch {
	case given != "":
		return passwordRefused(h.Credentials.OwnPassword(ctx, user, given))
	case user.PasswordHash != nil:
		return h.Validate.Contract.Missing("PasswordChange", "current_password")
	}
	return h.Sessions.RequireFresh(ctx)
}

// passwordRefused records a wrong current password as a failed change of the password.
func passwordRefused(err error) error {
	var refused *problem.Error
	if errors.As(err, &refused) && refused.Is(problem.PasswordIncorrect) {
		return refused.RecordedAs(string(audit.PasswordChangeFail))
	}
	return err
}

// Reauthenticate makes the login fresh.
func (h *Handler) Reauthenticate(ctx context.Context, in genapi.ReauthenticateRequestObject) (genapi.ReauthenticateResponseObject, error) {
	if err := h.Credentials.OwnPassword(ctx, session.From(ctx).User, in.Body.Password); err != nil {
		return nil, err
	}
	err := h.DB.Tx(ctx, func(q *gendb.Queries) error {
		if _, err := h.Accounts.LockOwn(ctx, q); err != nil {
			return err
		}
		return h.Sessions.Rotate(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	return genapi.Reauthenticate200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password confirmed"}}, nil
}

// requireOwner accepts the password of the account, or a fresh login if no password is
// given. A wrong password is rejected even if the login is fresh.
func (h *Handler) requireOwner(ctx context.Context, given *string) error {
	if given == nil {
		return h.Sessions.RequireFresh(ctx)
	}
	return h.Credentials.OwnPassword(ctx, session.From(ctx).User, *given)
}

// DeleteAccount deletes the caller's account with everything that belongs to it.
func (h *Handler) DeleteAccount(ctx context.Context, in genapi.DeleteAccountRequestObject) (genapi.DeleteAccountResponseObject, error) {
	var given *string
	if in.Body != nil {
		given = in.Body.Password
	}
	if err := h.requireOwner(ctx, given); err != nil {
		return nil, err
	}
	err := h.DB.Tx(ctx, func(q *gendb.Queries) error {
		caller, err := h.Accounts.LockCaller(ctx, q)
		if err != nil {
			return err
		}
		if given == nil {
			if err := h.Sessions.CheckFresh(caller); err != nil {
				return err
			}
		}
		if err := h.Accounts.Delete(ctx, q, caller.User); err != nil {
			return err
		}
		return h.Sessions.LogOut(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	return genapi.DeleteAccount200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Account deleted"}}, nil
}
