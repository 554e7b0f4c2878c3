// Package registration creates accounts and confirms their email addresses.
package registration

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/credential"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/throttle"
)

// A Handler implements the operations of the tag registration. All fields are required.
type Handler struct {
	DB       *db.DB
	Accounts *accounts.Manager
	Validate *credential.Validator
	Throttle *throttle.Throttle
	Mail     *mail.Outbox
	Tokens   *onetime.Tokens
	Audit    *audit.Trail
	Now      func() time.Time
}

// Register creates an account. It checks and hashes the password before it looks the
// username up, so that a taken name takes as long as a free one. It does so outside the
// transaction, because SQLite has one writer.
func (h *Handler) Register(ctx context.Context, in genapi.RegisterRequestObject) (genapi.RegisterResponseObject, error) {
	if h.Accounts.Registration == accounts.RegistrationClosed {
		return nil, problem.RegistrationClosed
	}
	address, err := email.Parse(in.Body.Email)
	if err != nil {
		return nil, problem.Internal.Because(err) // the contract has validated it
	}
	owner := password.Owner{Username: in.Body.Username, Email: address.Display}
	hash, err := h.Validate.HashPassword(ctx, "password", in.Body.Password, owner, h.Validate.Username(in.Body.Username)...)
	if err != nil {
		return nil, err
	}
	notifyOwner := false
	if h.Accounts.RequireVerified() { // for every address: response time must not reveal whether it is taken
		if notifyOwner, err = h.Throttle.Mail(ctx, address.Key); err != nil {
			return nil, err
		}
	}
	n := accounts.New{
		Username: in.Body.Username, Address: address, Role: accounts.RoleUser, Locale: reqctx.From(ctx).Locale, PasswordHash: hash,
	}
	if err := h.DB.Tx(ctx, func(q *gendb.Queries) error { return h.create(ctx, q, n, notifyOwner) }); err != nil {
		return nil, err
	}
	h.Mail.Wake()
	return genapi.Register201JSONResponse{Body: genapi.Registered{Ok: true, Msg: "User registered"}}, nil
}

// create creates an account and mails the link that confirms its address.
func (h *Handler) create(ctx context.Context, q *gendb.Queries, n accounts.New, notifyOwner bool) error {
	user, err := h.Accounts.Create(ctx, q, n)
	switch {
	case errors.Is(err, problem.EmailTaken) && h.Accounts.RequireVerified():
		return h.emailTaken(ctx, q, n.Address, notifyOwner)
	case errors.Is(err, problem.EmailTaken):
		return problem.EmailTaken.RecordedAs(string(audit.UserCreated))
	case errors.Is(err, problem.UsernameTaken):
		return problem.UsernameTaken.RecordedAs(string(audit.UserCreated))
	case err != nil:
		return err
	}
	return h.Mail.Add(ctx, q, mail.Message{
		Kind: mail.VerifyEmail, UserID: user.ID, Address: n.Address, Locale: n.Locale, Details: mail.Origin(ctx),
	})
}

// emailTaken makes a registration with a taken address look like any other: the client
// must not learn who has an account. The owner gets a mail instead. The username stays
// reserved, so that later requests with it do not reveal it either.
func (h *Handler) emailTaken(ctx context.Context, q *gendb.Queries, address email.Address, notifyOwner bool) error {
	owner, err := q.UserByEmailKey(ctx, address.Key)
	if errors.Is(err, sql.ErrNoRows) {
		return problem.EmailTaken.RecordedAs(string(audit.UserCreated)) // deleted at this moment; the client tries again
	}
	if err != nil {
		return err
	}
	e := audit.Entry{Event: audit.UserCreated, Outcome: audit.Failure, Reason: problem.EmailTaken.Code, Subject: owner.ID}
	if err := h.Audit.Record(ctx, q, e); err != nil || !notifyOwner {
		return err
	}
	// Without a user id, so that it counts towards the limit of mails from anonymous
	// requests. Without an origin, because the address and browser are of the client,
	// not of the recipient.
	return h.Mail.Add(ctx, q, mail.Message{Kind: mail.AlreadyRegistered, Address: address, Details: mail.Details{Time: h.Now()}})
}
