package server

import (
	"context"
	"database/sql"
	"errors"

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

// Register creates an account. The password is judged and hashed before anybody
// looks whether the name is free, so that a taken name takes no less time, and
// outside the transaction, because SQLite has one writer.
func (s *Server) Register(ctx context.Context, in genapi.RegisterRequestObject) (genapi.RegisterResponseObject, error) {
	if s.Registration == registrationClosed {
		return nil, errRegistrationClosed
	}
	address, err := email.Parse(in.Body.Email)
	if err != nil {
		return nil, errInternal.Because(err) // the contract has let it through
	}
	owner := password.Owner{Username: in.Body.Username, Email: address.Display}
	hash, err := s.hashNew(ctx, "password", in.Body.Password, owner, s.refusedUsername(in.Body.Username)...)
	if err != nil {
		return nil, err
	}
	tellOwner := false
	if s.Registration == registrationVerified { // counted whoever has the address: it must not show in the time
		if tellOwner, err = s.mayMail(ctx, address.Key); err != nil {
			return nil, err
		}
	}
	err = s.DB.Tx(ctx, func(q *gendb.Queries) error {
		err := s.createAccount(ctx, q, in.Body.Username, address, hash)
		if errors.Is(err, sql.ErrNoRows) {
			return s.registrationTaken(ctx, q, in.Body.Username, address, tellOwner)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Mail.Wake()
	return genapi.Register201JSONResponse{Body: genapi.Registered{Ok: true, Msg: "User registered"}}, nil
}

// createAccount makes an account and has its address confirmed; sql.ErrNoRows if the
// name or the address is taken.
func (s *Server) createAccount(ctx context.Context, q *gendb.Queries, username string, address email.Address, hash string) error {
	if err := s.takeName(ctx, q, username, address, hash); err != nil {
		return err
	}
	locale := requestFrom(ctx).locale
	id, err := q.UserCreate(ctx, gendb.UserCreateParams{
		Username: username, UsernameKey: accounts.UsernameKey(username),
		Email: address.Display, EmailKey: address.Key,
		PasswordHash: &hash, Role: string(genapi.RoleUser), Locale: locale, UnconfirmedUntil: s.unconfirmedUntil(), Now: s.Now(),
	})
	if err != nil {
		return err
	}
	if err := accounts.ReleaseName(ctx, q, username); err != nil {
		return err
	}
	if err := s.record(ctx, q, audit.Entry{Event: audit.UserCreated, Reason: "registered", Actor: id, Subject: id}); err != nil {
		return err
	}
	return s.Mail.Add(ctx, q, mail.Message{Kind: mail.VerifyEmail, UserID: id, Address: address, Locale: locale, Details: origin(ctx)})
}

// registrationTaken finds out which of the two the unique indexes have refused;
// the name is told first when it is both. Who has an address is not told to
// strangers where accounts need a confirmed one: the owner gets a mail instead,
// and the stranger the same answer. The name stays reserved, so that the stranger
// does not learn it from what becomes of that either.
func (s *Server) registrationTaken(ctx context.Context, q *gendb.Queries, username string, address email.Address, tellOwner bool) error {
	_, err := q.UserByUsernameKey(ctx, accounts.UsernameKey(username))
	switch {
	case err == nil:
		return errUsernameTaken
	case !errors.Is(err, sql.ErrNoRows):
		return err
	case s.Registration != registrationVerified:
		return errEmailTaken
	}
	owner, err := q.UserByEmailKey(ctx, address.Key)
	if errors.Is(err, sql.ErrNoRows) {
		return errEmailTaken // whoever had it has gone this very moment: try again
	}
	if err != nil {
		return err
	}
	e := audit.Entry{Event: audit.UserCreated, Outcome: audit.Failure, Reason: errEmailTaken.Code, Subject: owner.ID}
	if err := s.record(ctx, q, e); err != nil || !tellOwner {
		return err
	}
	// As a stranger's mail: it counts towards what strangers can pile up, and
	// tells nobody where the stranger is.
	return s.Mail.Add(ctx, q, mail.Message{Kind: mail.AlreadyRegistered, Address: address, Details: mail.Details{Time: s.Now()}})
}

// Login starts a session. An unknown name and a wrong password are one answer
// after one amount of work, whatever else is true of the account: its state is
// told only to somebody who knows the password.
func (s *Server) Login(ctx context.Context, in genapi.LoginRequestObject) (_ genapi.LoginResponseObject, err error) {
	defer func() { s.Metrics.Login(loginOutcome(err)) }()
	tell := false
	for {
		found, err := s.checkLogin(ctx, in.Body.Username, in.Body.Password)
		if err != nil {
			return nil, err
		}
		suspicious, err := s.suspicious(ctx, found.user, found.failures)
		if err != nil {
			return nil, err
		}
		tell = tell || suspicious // a success has ended the count, the next time round
		err = s.startSession(ctx, found, tell)
		if errors.Is(err, errChangedMeanwhile) {
			continue // the password of a moment ago, or a newer hash of the same
		}
		if err != nil {
			return nil, err
		}
		if tell {
			s.Mail.Wake()
		}
		requestFrom(ctx).userID = found.user.ID
		return genapi.Login200JSONResponse{Body: genapi.LoggedIn{Ok: true, Msg: "login successful", User: publicUser(found.user)}}, nil
	}
}

// A checkedLogin is one whose password was right.
type checkedLogin struct {
	user     gendb.User
	newHash  string // to store instead of the account's; empty if that is as it should be
	failures int64  // in a row before it
}

// checkLogin finds the account and compares the password.
func (s *Server) checkLogin(ctx context.Context, login, given string) (found checkedLogin, err error) {
	user, err := s.userByLogin(ctx, login)
	stored := "" // stands for nobody, and costs the same
	if errors.Is(err, sql.ErrNoRows) {
		stored, err = accounts.ReservedHash(ctx, s.DB.Queries, login, s.Now())
	}
	if err != nil {
		return found, err
	}
	if user.PasswordHash != nil {
		stored = *user.PasswordHash
	}
	rehash, c := false, claimLogin(ctx, login, user)
	ok, err := s.prove(ctx, c, func() (ok bool, err error) {
		ok, rehash, err = s.Passwords.Verify(ctx, given, stored)
		return ok, err
	})
	switch {
	case errors.Is(err, password.ErrCorrupt):
		s.Logger.ErrorContext(ctx, "stored password hash is unusable", "user_id", user.ID)
		return found, s.loginRefused(ctx, login, user, errInvalidCredentials.Because(err))
	case err != nil:
		return found, err
	case !ok:
		return found, s.loginRefused(ctx, login, user, errInvalidCredentials)
	case user.DisabledAt != nil:
		return found, s.loginRefused(ctx, login, user, errAccountDisabled)
	case user.ID == 0, user.EmailVerifiedAt == nil && s.Registration == registrationVerified:
		return found, s.loginRefused(ctx, login, user, errEmailUnverified)
	}
	found = checkedLogin{user: user, failures: c.failures}
	if rehash {
		found.newHash, err = s.Passwords.Hash(ctx, given)
	}
	return found, err
}

// errChangedMeanwhile says that an account is not as it was when the password
// was compared.
var errChangedMeanwhile = errors.New("the account has changed meanwhile")

// startSession logs in whom checkLogin has let in. The comparison took its time,
// outside of any transaction: an owner who has set another password since, to
// throw somebody out, must not find a session that the old one has opened. tell has
// the owner told by mail.
func (s *Server) startSession(ctx context.Context, found checkedLogin, tell bool) error {
	from, user := requestFrom(ctx), found.user
	return s.DB.Tx(ctx, func(q *gendb.Queries) error {
		held, err := q.UserHold(ctx, user.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return errChangedMeanwhile // gone or disabled
		}
		if err != nil {
			return err
		}
		if held.PasswordHash == nil || *held.PasswordHash != *user.PasswordHash {
			return errChangedMeanwhile
		}
		if found.newHash != "" {
			err := q.UserPasswordRehash(ctx, gendb.UserPasswordRehashParams{ID: user.ID, OldHash: user.PasswordHash, NewHash: &found.newHash, Now: s.Now()})
			if err != nil {
				return err
			}
		}
		if err := q.UserKeep(ctx, user.ID); err != nil {
			return err
		}
		if err := s.recordLogin(ctx, q, user.ID); err != nil {
			return err
		}
		if tell {
			if err := s.notify(ctx, q, mail.LoginAfterFailures, user, mail.Details{}); err != nil {
				return err
			}
		}
		return s.Sessions.LogIn(ctx, q, session.Login{
			UserID: user.ID, Method: session.Password, IP: from.ip.String(), UserAgent: from.userAgent,
		})
	})
}

// recordLogin tells a login that follows a refused one from others: after
// guesses, it is the one to look at.
func (s *Server) recordLogin(ctx context.Context, q *gendb.Queries, userID int64) error {
	e := audit.Entry{Event: audit.LoginSuccess, Actor: userID, Subject: userID}
	last, err := q.AuditLastLogin(ctx, sql.NullInt64{Int64: userID, Valid: true})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if last == string(audit.LoginFail) {
		e.Event = audit.LoginSuccessAfterFail
	}
	return s.record(ctx, q, e)
}

// loginRefused records a refused login, by whoever the name belongs to, and
// returns why.
func (s *Server) loginRefused(ctx context.Context, login string, user gendb.User, why *contract.Error) error {
	s.note(ctx, audit.Entry{Event: audit.LoginFail, Reason: why.Code, Subject: user.ID, Name: loginKey(login)})
	return why
}

// loginKey is the form of a login by which two of them are the same.
func loginKey(login string) string {
	if address, err := email.Parse(login); err == nil {
		return address.Key
	}
	return accounts.UsernameKey(login)
}

// Logout ends the session, if there is one.
func (s *Server) Logout(ctx context.Context, _ genapi.LogoutRequestObject) (genapi.LogoutResponseObject, error) {
	if err := s.DB.Tx(ctx, func(q *gendb.Queries) error { return s.Sessions.LogOut(ctx, q) }); err != nil {
		return nil, err
	}
	return genapi.Logout200JSONResponse{Body: genapi.LoggedOut{Ok: true, Msg: "logged out"}}, nil
}

// GetCurrentUser says who is logged in, if anybody.
func (s *Server) GetCurrentUser(ctx context.Context, _ genapi.GetCurrentUserRequestObject) (genapi.GetCurrentUserResponseObject, error) {
	current := session.From(ctx)
	if current == nil {
		return genapi.GetCurrentUser200JSONResponse{Body: genapi.CurrentUser{Ok: false, User: nil}}, nil
	}
	user := publicUser(current.User)
	return genapi.GetCurrentUser200JSONResponse{Body: genapi.CurrentUser{Ok: true, User: (*genapi.UserOrNull)(&user)}}, nil
}

// publicUser is what a person's own browser gets to see of the account: these
// members and, by construction, no other.
func publicUser(u gendb.User) genapi.User {
	return genapi.User{
		ID: int(u.ID), Username: u.Username, Email: u.Email,
		Role: genapi.Role(u.Role), EmailVerified: u.EmailVerifiedAt != nil,
	}
}
