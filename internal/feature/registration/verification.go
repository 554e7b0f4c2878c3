package registration

import (
	"context"
	"net/http"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/onetime"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
)

// VerifyEmail confirms an email address.
func (h *Handler) VerifyEmail(ctx context.Context, in genapi.VerifyEmailRequestObject) (genapi.VerifyEmailResponseObject, error) {
	if err := h.verify(ctx, in.Body.Token); err != nil {
		return nil, err
	}
	return genapi.VerifyEmail200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Email verified!"}}, nil
}

// VerifyEmailByLink is VerifyEmail with the token in the path. Mail scanners open links
// before people do, with HEAD, which never changes anything, and with GET. If accounts
// need a confirmed address, GET redirects to the page that posts the token. Otherwise an
// attacker who registers with another person's address could let that person's scanner
// confirm it.
func (h *Handler) VerifyEmailByLink(ctx context.Context, in genapi.VerifyEmailByLinkRequestObject) (genapi.VerifyEmailByLinkResponseObject, error) {
	if reqctx.From(ctx).Method != http.MethodHead && !h.Accounts.RequireVerified() {
		if err := h.verify(ctx, in.Token); err != nil {
			return nil, err
		}
		return genapi.VerifyEmailByLink200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Email verified!"}}, nil
	}
	if _, err := h.Tokens.Find(ctx, in.Token, onetime.VerifyEmail); err != nil {
		return nil, onetime.Invalid(err, problem.InvalidToken)
	}
	if h.Accounts.RequireVerified() {
		return genapi.VerifyEmailByLink303JSONResponse{
			Body:    genapi.Done{Ok: true, Msg: "Please confirm your e-mail address"},
			Headers: genapi.VerifyEmailByLink303ResponseHeaders{Location: h.Accounts.Links.URL(mail.VerifyEmail, in.Token)},
		}, nil
	}
	return genapi.VerifyEmailByLink200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Email verified!"}}, nil
}

// verify uses a token and confirms the address that it was mailed to.
func (h *Handler) verify(ctx context.Context, text string) error {
	found, err := h.Tokens.Find(ctx, text, onetime.VerifyEmail)
	if err == nil {
		err = h.DB.Tx(ctx, func(q *gendb.Queries) error { return h.confirm(ctx, q, found, text) })
	}
	return h.Tokens.Refused(ctx, audit.UserUpdated, text, err, problem.InvalidToken)
}

func (h *Handler) confirm(ctx context.Context, q *gendb.Queries, found gendb.Token, text string) error {
	if _, err := h.Accounts.LockOwner(ctx, q, found); err != nil {
		return err
	}
	used, err := h.Tokens.Use(ctx, q, onetime.VerifyEmail, text)
	if err != nil {
		return err
	}
	now := h.Now()
	n, err := q.UserVerifyEmail(ctx, gendb.UserVerifyEmailParams{ID: used.UserID, EmailKey: used.EmailKey, Now: &now})
	switch {
	case err != nil:
		return err
	case n == 0:
		return onetime.ErrInvalid // the account has another address now
	}
	return h.Audit.Record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_verified", Actor: used.UserID, Subject: used.UserID})
}

// ResendVerification mails another link, if there is an address to confirm. The mail
// worker looks that up, so that neither the answer nor its time reveals it.
func (h *Handler) ResendVerification(ctx context.Context, in genapi.ResendVerificationRequestObject) (genapi.ResendVerificationResponseObject, error) {
	if err := h.Throttle.RequestMail(ctx, h.DB, h.Mail, mail.VerifyEmail, in.Body.Email); err != nil {
		return nil, err
	}
	return genapi.ResendVerification200JSONResponse{Body: genapi.Done{Ok: true, Msg: "If the address needs confirming, a mail has been sent"}}, nil
}
