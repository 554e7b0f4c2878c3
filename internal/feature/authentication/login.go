package authentication

import (
	"context"
	"database/sql"
	"errors"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/credential"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/wire"
)

// login checks the password and starts the session.
func (h *Handler) login(ctx context.Context, login, given string) (gendb.User, error) {
	checked, err := h.check(ctx, login, given)
	if err != nil {
		return gendb.User{}, err
	}
	// The password may have been guessed (ASVS 5.0.0-6.3.5).
	notify := checked.failures >= ratelimit.FreeFailures
	if notify {
		if notify, err = h.Throttle.LoginNotice(ctx, checked.user.ID); err != nil {
			return gendb.User{}, err
		}
	}
	if err := h.start(ctx, login, checked, notify); err != nil {
		return gendb.User{}, err
	}
	if notify {
		h.Mail.Wake()
	}
	return checked.user, nil
}

// checked is a login with the right password.
type checked struct {
	user     gendb.User
	newHash  string // replaces a stored hash with outdated parameters; empty if they are current
	failures int64  // in a row before this login
}

// check finds the account and compares the password. An unknown login is compared with
// a dummy hash, or with the hash of a reservation, so that it costs the same.
func (h *Handler) check(ctx context.Context, login, given string) (found checked, err error) {
	user, err := h.Accounts.ForLogin(ctx, login)
	stored := ""
	if errors.Is(err, sql.ErrNoRows) {
		stored, err = h.Accounts.ReservedHash(ctx, login)
	}
	if err != nil {
		return found, err
	}
	if user.PasswordHash != nil {
		stored = *user.PasswordHash
	}
	rehash, claim := false, credential.LoginClaim(ctx, login, user)
	ok, err := h.Credentials.Check(ctx, claim, func() (ok bool, err error) {
		ok, rehash, err = h.Credentials.Passwords.Verify(ctx, given, stored)
		return ok, err
	})
	switch {
	case errors.Is(err, password.ErrCorrupt):
		h.Logger.ErrorContext(ctx, "stored password hash is unusable", "user_id", user.ID)
		return found, h.refuse(ctx, login, user, problem.InvalidCredentials.Because(err))
	case err != nil:
		return found, err
	case !ok:
		return found, h.refuse(ctx, login, user, problem.InvalidCredentials)
	case user.DisabledAt != nil:
		return found, h.refuse(ctx, login, user, problem.AccountDisabled)
	case user.ID == 0, user.EmailVerifiedAt == nil && h.Accounts.RequireVerified():
		return found, h.refuse(ctx, login, user, problem.EmailUnverified)
	}
	found = checked{user: user, failures: claim.Failures}
	if rehash {
		found.newHash, err = h.Credentials.Passwords.Hash(ctx, given)
	}
	return found, err
}

// errChanged is the private cause of a refused login: the password was changed while it
// was compared.
var errChanged = errors.New("the password was changed during the login")

// start creates the session. It compares the version of the password again, because the
// check took its time outside the transaction: an owner who changes the password to lock
// an attacker out must not find a session that the old password opened.
func (h *Handler) start(ctx context.Context, login string, checked checked, notify bool) error {
	user := checked.user
	err := h.DB.Tx(ctx, func(q *gendb.Queries) error {
		locked, err := h.Accounts.Lock(ctx, q, user.ID)
		switch {
		case errors.Is(err, problem.NotFound):
			return problem.InvalidCredentials.Because(err)
		case err != nil:
			return err
		case locked.PasswordVersion != user.PasswordVersion, locked.PasswordHash == nil:
			return problem.InvalidCredentials.Because(errChanged)
		case locked.DisabledAt != nil:
			return problem.AccountDisabled
		}
		if checked.newHash != "" {
			err := q.UserPasswordRehash(ctx, gendb.UserPasswordRehashParams{ID: user.ID, OldHash: user.PasswordHash, NewHash: &checked.newHash, Now: h.Now()})
			if err != nil {
				return err
			}
		}
		if err := q.UserKeep(ctx, user.ID); err != nil {
			return err
		}
		if err := h.recordLogin(ctx, q, user.ID); err != nil {
			return err
		}
		if notify {
			if err := h.Mail.Notify(ctx, q, mail.LoginAfterFailures, user, ""); err != nil {
				return err
			}
		}
		return h.Sessions.LogIn(ctx, q, user.ID, session.Password)
	})
	var refusal *problem.Error
	if errors.As(err, &refusal) {
		return h.refuse(ctx, login, user, refusal)
	}
	return err
}

// refuse records a refused login and returns the refusal.
func (h *Handler) refuse(ctx context.Context, login string, user gendb.User, refusal *problem.Error) error {
	h.Audit.Note(ctx, audit.Entry{Event: audit.LoginFail, Reason: refusal.Code, Subject: user.ID, Name: accounts.LoginKey(login)})
	return refusal
}

// outcome returns the label under which the metrics count a login.
func outcome(err error) string {
	if err == nil {
		return metrics.LoginSuccess
	}
	return wire.Problem(err).Code
}
