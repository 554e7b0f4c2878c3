package server

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/token"
)

// RequestReset mails a link to set a new password, if the address has an
// account. Like ResendVerification it does the same work for any address.
func (s *Server) RequestReset(ctx context.Context, in genapi.RequestResetRequestObject) (genapi.RequestResetResponseObject, error) {
	if err := s.mailAnyone(ctx, mail.ResetPassword, in.Body.Email); err != nil {
		return nil, err
	}
	return genapi.RequestReset200JSONResponse{Body: genapi.Done{Ok: true, Msg: "If email exists, reset link sent"}}, nil
}

// ResetPassword sets a new password with a token from a mail, the first one with
// that of an invitation.
func (s *Server) ResetPassword(ctx context.Context, in genapi.ResetPasswordRequestObject) (genapi.ResetPasswordResponseObject, error) {
	if err := s.resetPassword(ctx, in.Body.Token, in.Body.Password); err != nil {
		return nil, err
	}
	return genapi.ResetPassword200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password reset successful"}}, nil
}

// ResetPasswordByLink is the same with the token in the path.
func (s *Server) ResetPasswordByLink(ctx context.Context, in genapi.ResetPasswordByLinkRequestObject) (genapi.ResetPasswordByLinkResponseObject, error) {
	if err := s.resetPassword(ctx, in.Token, in.Body.Password); err != nil {
		return nil, err
	}
	return genapi.ResetPasswordByLink200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password reset successful"}}, nil
}

// resetPassword ends everything that the account had before: whoever reads the
// mail is the owner, and whoever was in may be somebody else. The link has also
// shown that the address is the owner's.
func (s *Server) resetPassword(ctx context.Context, value, chosen string) error {
	// Looked at before the hash, so that guesses cost nothing; decided below.
	live, err := s.liveToken(ctx, value, errInvalidResetToken, mail.PurposeResetPassword, mail.PurposeInvitation)
	if err != nil {
		return s.tokenRefused(ctx, audit.PasswordChangeFail, value, err)
	}
	hash, err := s.hashForOwner(ctx, live, chosen)
	if err != nil {
		return err
	}
	now := s.Now()
	err = s.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, used, err := s.redeem(ctx, q, live, value, errInvalidResetToken)
		if err != nil {
			return err
		}
		if user.EmailKey != used.EmailKey {
			return errInvalidResetToken
		}
		if _, err := q.UserSetPassword(ctx, gendb.UserSetPasswordParams{ID: user.ID, PasswordHash: &hash, Now: now}); err != nil {
			return err
		}
		if _, err := q.UserVerifyEmail(ctx, gendb.UserVerifyEmailParams{ID: user.ID, EmailKey: user.EmailKey, Now: &now}); err != nil {
			return err
		}
		if err := s.record(ctx, q, audit.Entry{Event: audit.PasswordChange, Reason: "reset", Actor: user.ID, Subject: user.ID}); err != nil {
			return err
		}
		if err := s.Sessions.EndAll(ctx, q, user.ID); err != nil {
			return err
		}
		if s.Attempts != nil { // whoever guesses at the password cannot keep out who has set it
			if err := s.Attempts.Know(ctx, q, accountOf(user.ID), network(requestFrom(ctx).ip)); err != nil {
				return err
			}
		}
		if err := s.voidLinks(ctx, q, user); err != nil {
			return err
		}
		if live.Purpose == mail.PurposeInvitation {
			return nil // there was no password before
		}
		user.EmailVerifiedAt = &now
		return s.notify(ctx, q, mail.PasswordReset, user, mail.Details{})
	})
	if err == nil {
		s.Mail.Wake()
	}
	return s.tokenRefused(ctx, audit.PasswordChangeFail, value, err)
}

// redeem takes, in the order that all keep to, the account of a token, the mails
// that wait for it, and the token.
func (s *Server) redeem(ctx context.Context, q *gendb.Queries, live gendb.Token, value string, invalid *contract.Error) (user gendb.User, used gendb.TokenUseRow, err error) {
	if user, err = holdOwner(ctx, q, live, invalid); err != nil {
		return user, used, err
	}
	address, err := email.Parse(user.Email)
	if err != nil {
		return user, used, err
	}
	if err := s.Mail.VoidMails(ctx, q, user.ID, address); err != nil {
		return user, used, err
	}
	used, err = useToken(ctx, q, live.Purpose, value, s.Now(), invalid)
	return user, used, err
}

// hashForOwner judges and hashes a password for the owner of a token. The policy
// is asked about tokens that work and no others, as what it answers depends on
// whose the account is. After a refusal the token goes on working.
func (s *Server) hashForOwner(ctx context.Context, live gendb.Token, chosen string) (string, error) {
	user, err := s.DB.UserByID(ctx, live.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errInvalidResetToken
	}
	if err != nil {
		return "", err
	}
	return s.hashNew(ctx, "password", chosen, password.Owner{Username: user.Username, Email: user.Email})
}

// holdOwner takes the account of a token for the rest of the transaction. Every
// change takes the account first, then mails, then tokens, or two of them could
// wait for each other.
func holdOwner(ctx context.Context, q *gendb.Queries, live gendb.Token, invalid *contract.Error) (gendb.User, error) {
	user, err := q.UserHold(ctx, live.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return user, invalid // gone or disabled
	}
	return user, err
}

// useToken takes a token out of circulation. One UPDATE decides, so that of any
// number of requests at once one succeeds. invalid is what the others get.
func useToken(ctx context.Context, q *gendb.Queries, purpose, value string, now time.Time, invalid *contract.Error) (gendb.TokenUseRow, error) {
	used, err := q.TokenUse(ctx, gendb.TokenUseParams{TokenHash: token.Hash(value), Purpose: purpose, Now: &now})
	if errors.Is(err, sql.ErrNoRows) {
		return used, invalid
	}
	return used, err
}

// liveToken looks a token of one of some purposes up without using it.
func (s *Server) liveToken(ctx context.Context, value string, invalid *contract.Error, purposes ...string) (gendb.Token, error) {
	found, err := s.DB.TokenByHash(ctx, token.Hash(value))
	if errors.Is(err, sql.ErrNoRows) {
		return found, invalid
	}
	if err == nil && (!slices.Contains(purposes, found.Purpose) || found.UsedAt != nil || !found.ExpiresAt.After(s.Now())) {
		return found, invalid
	}
	return found, err
}
