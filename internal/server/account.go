package server

import (
	"context"
	"database/sql"
	"errors"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/session"
)

// GetProfile answers with the caller's own account.
func (s *Server) GetProfile(ctx context.Context, _ genapi.GetProfileRequestObject) (genapi.GetProfileResponseObject, error) {
	user := session.From(ctx).User
	return genapi.GetProfile200JSONResponse{Body: genapi.Profile{
		ID: int(user.ID), Username: user.Username, Email: user.Email, Role: genapi.Role(user.Role),
		EmailVerified: user.EmailVerifiedAt != nil, CreatedAt: user.CreatedAt,
	}}, nil
}

// UpdateProfile changes the name, the address or both, or neither. With the
// address goes the account, so whoever changes it must have given the password
// just now.
func (s *Server) UpdateProfile(ctx context.Context, in genapi.UpdateProfileRequestObject) (genapi.UpdateProfileResponseObject, error) {
	current := session.From(ctx)
	if given := in.Body.CurrentPassword; given != nil {
		if err := s.checkPassword(ctx, current.User, *given); err != nil {
			return nil, err
		}
	}
	username, address := in.Body.Username, in.Body.Email
	newAddress := address != nil && *address != current.User.Email
	if newAddress && in.Body.CurrentPassword == nil && !current.Fresh(s.Now()) {
		return nil, errReauthRequired
	}
	if newAddress { // which gets a mail, and may be anybody's
		if err := s.limitAccount(ctx, accountOf(current.User.ID)); err != nil {
			return nil, err
		}
	}
	updated := genapi.UpdateProfile200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Profile updated"}}
	if !newAddress && (username == nil || *username == current.User.Username) {
		return updated, nil
	}
	newName := username != nil && accounts.UsernameKey(*username) != current.User.UsernameKey
	if newName {
		if err := contract.Refuse(s.refusedUsername(*username)...); err != nil {
			return nil, err
		}
	}
	err := s.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, err := s.hold(ctx, q)
		if err == nil && newName {
			err = s.notify(ctx, q, mail.UsernameChanged, user, mail.Details{}) // to the address until now
		}
		if err == nil && newAddress {
			err = s.changeEmail(ctx, q, user, *address)
		}
		if err == nil && username != nil {
			err = s.changeUsername(ctx, q, user, *username)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Mail.Wake()
	return updated, nil
}

// changeUsername leaves it to the unique indexes whether the name is free.
func (s *Server) changeUsername(ctx context.Context, q *gendb.Queries, user gendb.User, username string) error {
	if accounts.UsernameKey(username) != user.UsernameKey {
		if err := s.takeName(ctx, q, username, email.Address{}, ""); err != nil {
			return err
		}
		if err := accounts.ReleaseName(ctx, q, username); err != nil {
			return err
		}
	}
	err := q.UserSetUsername(ctx, gendb.UserSetUsernameParams{
		ID: user.ID, Username: username, UsernameKey: accounts.UsernameKey(username), Now: s.Now(),
	})
	if db.IsUnique(err) {
		return errUsernameTaken.Because(err)
	}
	if err != nil || username == user.Username {
		return err
	}
	return s.record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "username_changed", Subject: user.ID})
}

// changeEmail gives an account another address, or starts to where an address
// must be confirmed first. The domain in other letters is the same domain. What
// stands before the @ is up to the server that takes the mail: in other letters it
// may be another person's, so it counts as another address.
func (s *Server) changeEmail(ctx context.Context, q *gendb.Queries, user gendb.User, typed string) error {
	address, err := email.Parse(typed)
	if err != nil {
		return errInternal.Because(err) // the contract has let it through
	}
	now, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	if address.Mailbox() == now.Mailbox() {
		if err := s.Mail.VoidChange(ctx, q, user.ID); err != nil {
			return err
		}
		return s.setEmail(ctx, q, user, address)
	}
	if s.Registration == registrationVerified {
		return s.askToConfirm(ctx, q, user, address)
	}
	// Before the address, and while the account is held: a mail that is being
	// written right now needs the account, and is waited for.
	if err := s.voidLinks(ctx, q, user); err != nil {
		return err
	}
	if err := s.notify(ctx, q, mail.EmailChanged, user, mail.Details{NewAddress: address.Display}); err != nil {
		return err
	}
	user.EmailVerifiedAt = nil
	if err := s.setEmail(ctx, q, user, address); err != nil {
		return err
	}
	return s.Mail.Add(ctx, q, mail.Message{Kind: mail.VerifyEmail, UserID: user.ID, Address: address, Locale: user.Locale, Details: origin(ctx)})
}

// setEmail leaves it to the unique index whether the address is free.
func (s *Server) setEmail(ctx context.Context, q *gendb.Queries, user gendb.User, address email.Address) error {
	err := q.UserSetEmail(ctx, gendb.UserSetEmailParams{
		ID: user.ID, Email: address.Display, EmailKey: address.Key, EmailVerifiedAt: user.EmailVerifiedAt, Now: s.Now(),
	})
	if db.IsUnique(err) {
		return errEmailInUse.Because(err)
	}
	if err != nil {
		return err
	}
	return s.record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_changed", Subject: user.ID})
}

// askToConfirm mails a link to the new address. If somebody has that address it
// is they who get a mail, without a link. The worker finds that out, so that
// neither the answer nor what is stored about the caller tells. A link to yet
// another address stops working.
func (s *Server) askToConfirm(ctx context.Context, q *gendb.Queries, user gendb.User, address email.Address) error {
	if err := s.Mail.VoidChange(ctx, q, user.ID); err != nil {
		return err
	}
	if err := s.record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_change_requested", Subject: user.ID}); err != nil {
		return err
	}
	return s.Mail.Add(ctx, q, mail.Message{Kind: mail.ConfirmEmail, UserID: user.ID, Address: address, Locale: user.Locale, Details: origin(ctx)})
}

// ChangePassword ends all other sessions and everything that was mailed: one of
// them may be the reason for the change.
func (s *Server) ChangePassword(ctx context.Context, in genapi.ChangePasswordRequestObject) (genapi.ChangePasswordResponseObject, error) {
	current := session.From(ctx).User
	if err := s.checkPassword(ctx, current, in.Body.CurrentPassword); err != nil {
		return nil, err
	}
	owner := password.Owner{Username: current.Username, Email: current.Email}
	hash, err := s.hashNew(ctx, "new_password", in.Body.NewPassword, owner)
	if err != nil {
		return nil, err
	}
	err = s.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, err := s.hold(ctx, q)
		if err != nil {
			return err
		}
		if _, err := q.UserSetPassword(ctx, gendb.UserSetPasswordParams{ID: user.ID, PasswordHash: &hash, Now: s.Now()}); err != nil {
			return err
		}
		if err := s.record(ctx, q, audit.Entry{Event: audit.PasswordChange, Reason: "changed", Subject: user.ID}); err != nil {
			return err
		}
		if err := s.Sessions.EndOthers(ctx, q); err != nil {
			return err
		}
		if err := s.Sessions.Rotate(ctx, q); err != nil {
			return err
		}
		if err := s.voidLinks(ctx, q, user); err != nil {
			return err
		}
		return s.notify(ctx, q, mail.PasswordChanged, user, mail.Details{})
	})
	if err != nil {
		return nil, err
	}
	s.Mail.Wake()
	return genapi.ChangePassword200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password changed"}}, nil
}

// Reauthenticate makes the login as good as new.
func (s *Server) Reauthenticate(ctx context.Context, in genapi.ReauthenticateRequestObject) (genapi.ReauthenticateResponseObject, error) {
	if err := s.checkPassword(ctx, session.From(ctx).User, in.Body.Password); err != nil {
		return nil, err
	}
	if err := s.DB.Tx(ctx, func(q *gendb.Queries) error { return s.Sessions.Rotate(ctx, q) }); err != nil {
		return nil, err
	}
	return genapi.Reauthenticate200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Password confirmed"}}, nil
}

// DeleteAccount deletes all there is.
func (s *Server) DeleteAccount(ctx context.Context, in genapi.DeleteAccountRequestObject) (genapi.DeleteAccountResponseObject, error) {
	if err := s.checkPassword(ctx, session.From(ctx).User, in.Body.Password); err != nil {
		return nil, err
	}
	err := s.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, err := s.hold(ctx, q)
		if err != nil {
			return err
		}
		if err := s.Accounts.Delete(ctx, q, user); err != nil {
			return err
		}
		return s.Sessions.LogOut(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	return genapi.DeleteAccount200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Account deleted"}}, nil
}

// checkPassword holds a password against that of the account, which the session
// has been loaded with. An account without one has no right one.
func (s *Server) checkPassword(ctx context.Context, user gendb.User, given string) error {
	stored := ""
	if user.PasswordHash != nil {
		stored = *user.PasswordHash
	}
	ok, err := s.prove(ctx, claimSession(ctx, user), func() (bool, error) {
		ok, _, err := s.Passwords.Verify(ctx, given, stored)
		return ok, err
	})
	switch {
	case errors.Is(err, password.ErrCorrupt):
		s.Logger.ErrorContext(ctx, "stored password hash is unusable", "user_id", user.ID)
		return errPasswordIncorrect.Because(err)
	case err != nil:
		return err
	case !ok:
		return errPasswordIncorrect
	}
	return nil
}

// hold takes the caller's account for the rest of the transaction and returns
// it as it is by now. It fails if the session has ended while the request was
// on its way: a thief who has asked for a change must not get it after the
// owner has thrown him out.
func (s *Server) hold(ctx context.Context, q *gendb.Queries) (gendb.User, error) {
	current, now := session.From(ctx), s.Now()
	user, err := q.UserHold(ctx, current.User.ID)
	if err == nil {
		_, err = q.SessionByTokenHash(ctx, gendb.SessionByTokenHashParams{
			TokenHash: current.TokenHash, Now: now, IdleSince: now.Add(-s.Sessions.Idle),
		})
	}
	if errors.Is(err, sql.ErrNoRows) {
		return gendb.User{}, session.ErrEnded
	}
	return user, err
}
