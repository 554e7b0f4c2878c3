package account

import (
	"context"
	"errors"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/session"
)

// A change is what a request changes about a profile; nil is no change.
type change struct {
	username *string
	address  *email.Address
	byFresh  bool // a fresh login, not the password, is the proof for a new address
}

// UpdateProfile changes the username, the email address, both or neither. A new address
// needs a fresh login or the password: who controls the address controls the account.
func (h *Handler) UpdateProfile(ctx context.Context, in genapi.UpdateProfileRequestObject) (genapi.UpdateProfileResponseObject, error) {
	current := session.From(ctx)
	newAddress := in.Body.Email != nil && *in.Body.Email != current.User.Email
	if newAddress || in.Body.CurrentPassword != nil {
		if err := h.requireOwner(ctx, in.Body.CurrentPassword); err != nil {
			return nil, err
		}
	}
	wanted, err := h.wanted(ctx, in.Body, newAddress)
	if err != nil {
		return nil, err
	}
	updated := genapi.UpdateProfile200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Profile updated"}}
	if wanted == (change{}) {
		return updated, nil
	}
	if err := h.DB.Tx(ctx, func(q *gendb.Queries) error { return h.apply(ctx, q, wanted) }); err != nil {
		return nil, err
	}
	h.Mail.Wake()
	return updated, nil
}

// wanted returns the changes that a request asks for, or a refusal.
func (h *Handler) wanted(ctx context.Context, body *genapi.ProfileChange, newAddress bool) (wanted change, err error) {
	user := session.From(ctx).User
	if newAddress { // it gets a mail, and may belong to anyone
		if err := h.Throttle.Account(ctx, ratelimit.UserKey(user.ID)); err != nil {
			return wanted, err
		}
		address, err := email.Parse(*body.Email)
		if err != nil {
			return wanted, problem.Internal.Because(err) // the contract has validated it
		}
		wanted.address, wanted.byFresh = &address, body.CurrentPassword == nil
	}
	if body.Username == nil || *body.Username == user.Username && !newAddress {
		return wanted, nil
	}
	if accounts.UsernameKey(*body.Username) != user.UsernameKey {
		if err := problem.Invalid(h.Validate.Username(*body.Username)...); err != nil {
			return wanted, err
		}
	}
	wanted.username = body.Username
	return wanted, nil
}

func (h *Handler) apply(ctx context.Context, q *gendb.Queries, wanted change) error {
	caller, err := h.Accounts.LockCaller(ctx, q)
	if err != nil {
		return err
	}
	user := caller.User
	if wanted.byFresh {
		err = h.Sessions.CheckFresh(caller)
	}
	if err == nil && wanted.username != nil && accounts.UsernameKey(*wanted.username) != user.UsernameKey {
		err = h.Mail.Notify(ctx, q, mail.UsernameChanged, user, "") // to the address before the change
	}
	if err == nil && wanted.address != nil {
		err = h.Accounts.SetEmail(ctx, q, user, *wanted.address)
	}
	if err == nil && wanted.username != nil {
		err = h.Accounts.SetUsername(ctx, q, user, *wanted.username)
	}
	return conflict(err)
}

// conflict records a taken username or address as a failed update of the account.
func conflict(err error) error {
	var refused *problem.Error
	if errors.As(err, &refused) && (refused.Is(problem.UsernameTaken) || refused.Is(problem.EmailInUse)) {
		return refused.RecordedAs(string(audit.UserUpdated))
	}
	return err
}

// ConfirmEmail makes the address of a mailed token the address of the account, if
// accounts need a confirmed address.
func (h *Handler) ConfirmEmail(ctx context.Context, in genapi.ConfirmEmailRequestObject) (genapi.ConfirmEmailResponseObject, error) {
	text := in.Body.Token
	found, err := h.Tokens.Find(ctx, text, onetime.ChangeEmail)
	if err == nil {
		err = h.DB.Tx(ctx, func(q *gendb.Queries) error { return h.confirm(ctx, q, found, text) })
	}
	if err != nil {
		return nil, h.Tokens.Refused(ctx, audit.UserUpdated, text, err, problem.InvalidToken)
	}
	h.Mail.Wake()
	return genapi.ConfirmEmail200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Email changed"}}, nil
}

func (h *Handler) confirm(ctx context.Context, q *gendb.Queries, found gendb.Token, text string) error {
	user, used, err := h.Accounts.Redeem(ctx, q, found, text)
	if err != nil {
		return err
	}
	return h.Accounts.ConfirmEmail(ctx, q, user, email.Address{Display: used.Email, Key: used.EmailKey})
}
