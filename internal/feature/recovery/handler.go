// Package recovery sets new passwords with mailed links.
package recovery

import (
	"context"
	"database/sql"
	"errors"

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
	"github.com/techtreks/auth/internal/throttle"
)

// A Handler implements the operations of the tag recovery. All fields are required.
type Handler struct {
	DB       *db.DB
	Accounts *accounts.Manager
	Validate *credential.Validator
	Throttle *throttle.Throttle
	Mail     *mail.Outbox
	Tokens   *onetime.Tokens
}

// RequestReset mails a link to set a new password if the address has an account. It does
// the same work for any address; the mail worker looks the account up.
func (h *Handler) RequestReset(ctx context.Context, in genapi.RequestResetRequestObject) (genapi.RequestResetResponseObject, error) {
	if err := h.Throttle.RequestMail(ctx, h.DB, h.Mail, mail.ResetPassword, in.Body.Email); err != nil {
		return nil, err
	}
	return genapi.RequestReset200JSONResponse{Body: genapi.Done{Ok: true, Msg: "If email exists, reset link sent"}}, nil
}

// ResetPassword sets a password with a mailed token: a new one after a reset, or the
// first one after an invitation.
func (h *Handler) ResetPassword(ctx context.Context, in genapi.ResetPasswordRequestObject) (genapi.ResetPasswordResponseObject, error) {
	if err := h.reset(ctx, in.Body.Token, in.Body.Password); err != nil {
		return nil, err
	}
	return genapi.ResetPassword200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password reset successful"}}, nil
}

// ResetPasswordByLink is ResetPassword with the token in the path.
func (h *Handler) ResetPasswordByLink(ctx context.Context, in genapi.ResetPasswordByLinkRequestObject) (genapi.ResetPasswordByLinkResponseObject, error) {
	if err := h.reset(ctx, in.Token, in.Body.Password); err != nil {
		return nil, err
	}
	return genapi.ResetPasswordByLink200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password reset successful"}}, nil
}

// reset finds the token before it hashes the password, so that guessed tokens cost
// nothing. The transaction checks the token again.
func (h *Handler) reset(ctx context.Context, text, chosen string) error {
	found, err := h.Tokens.Find(ctx, text, onetime.ResetPassword, onetime.Invitation)
	if err == nil {
		err = h.set(ctx, found, text, chosen)
	}
	if err == nil {
		h.Mail.Wake()
	}
	return h.Tokens.Refused(ctx, audit.PasswordChangeFail, text, err, problem.InvalidResetToken)
}

func (h *Handler) set(ctx context.Context, found gendb.Token, text, chosen string) error {
	hash, err := h.hash(ctx, found, chosen)
	if err != nil {
		return err
	}
	return h.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, used, err := h.Accounts.Redeem(ctx, q, found, text)
		if err != nil {
			return err
		}
		if user.EmailKey != used.EmailKey {
			return onetime.ErrInvalid // the link went to an earlier address
		}
		return h.Accounts.ResetPassword(ctx, q, user, hash, onetime.Purpose(found.Purpose))
	})
}

// hash checks and hashes a password for the owner of a token. Only a valid token gets
// this far, because the policy's answer depends on the account. After a refusal the
// token still works.
func (h *Handler) hash(ctx context.Context, found gendb.Token, chosen string) (string, error) {
	user, err := h.DB.UserByID(ctx, found.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", onetime.ErrInvalid
	}
	if err != nil {
		return "", err
	}
	return h.Validate.HashPassword(ctx, "password", chosen, password.Owner{Username: user.Username, Email: user.Email})
}
