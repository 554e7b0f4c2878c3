package server

import (
	"context"
	"net/http"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/mail"
)

// VerifyEmail confirms an address.
func (s *Server) VerifyEmail(ctx context.Context, in genapi.VerifyEmailRequestObject) (genapi.VerifyEmailResponseObject, error) {
	if err := s.verifyEmail(ctx, in.Body.Token); err != nil {
		return nil, err
	}
	return genapi.VerifyEmail200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Email verified!"}}, nil
}

// VerifyEmailByLink does the same for a link that leads here. Programs that look
// into mails open links before any person does: with HEAD, which never changes
// anything, and with GET. Where an account works only once its address is
// confirmed, a GET leads to the page that posts the token instead. Otherwise
// whoever registers with somebody else's address could leave it to that person's
// mail scanner to confirm it.
func (s *Server) VerifyEmailByLink(ctx context.Context, in genapi.VerifyEmailByLinkRequestObject) (genapi.VerifyEmailByLinkResponseObject, error) {
	looking := requestFrom(ctx).method == http.MethodHead
	if looking || s.Registration == registrationVerified {
		if _, err := s.liveToken(ctx, in.Token, errInvalidToken, mail.PurposeVerifyEmail); err != nil {
			return nil, err
		}
		if s.Registration == registrationVerified {
			return genapi.VerifyEmailByLink303JSONResponse{
				Body:    genapi.Done{Ok: true, Msg: "Please confirm your e-mail address"},
				Headers: genapi.VerifyEmailByLink303ResponseHeaders{Location: s.MailWorker.Link(mail.VerifyEmail, in.Token)},
			}, nil
		}
	} else if err := s.verifyEmail(ctx, in.Token); err != nil {
		return nil, err
	}
	return genapi.VerifyEmailByLink200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Email verified!"}}, nil
}

func (s *Server) verifyEmail(ctx context.Context, value string) error {
	live, err := s.liveToken(ctx, value, errInvalidToken, mail.PurposeVerifyEmail)
	if err != nil {
		return s.tokenRefused(ctx, audit.UserUpdated, value, err)
	}
	now := s.Now()
	err = s.DB.Tx(ctx, func(q *gendb.Queries) error {
		if _, err := holdOwner(ctx, q, live, errInvalidToken); err != nil {
			return err
		}
		used, err := useToken(ctx, q, mail.PurposeVerifyEmail, value, now, errInvalidToken)
		if err != nil {
			return err
		}
		n, err := q.UserVerifyEmail(ctx, gendb.UserVerifyEmailParams{ID: used.UserID, EmailKey: used.EmailKey, Now: &now})
		switch {
		case err != nil:
			return err
		case n == 0:
			return errInvalidToken // another address by now
		}
		return s.record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_verified", Actor: used.UserID, Subject: used.UserID})
	})
	return s.tokenRefused(ctx, audit.UserUpdated, value, err)
}

// ConfirmEmail makes the address that the token went to the account's address,
// where it is not taken over at once (REGISTRATION=verified).
func (s *Server) ConfirmEmail(ctx context.Context, in genapi.ConfirmEmailRequestObject) (genapi.ConfirmEmailResponseObject, error) {
	live, err := s.liveToken(ctx, in.Body.Token, errInvalidToken, mail.PurposeChangeEmail)
	if err != nil {
		return nil, s.tokenRefused(ctx, audit.UserUpdated, in.Body.Token, err)
	}
	now := s.Now()
	err = s.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, used, err := s.redeem(ctx, q, live, in.Body.Token, errInvalidToken)
		if err != nil {
			return err
		}
		if err := s.voidLinks(ctx, q, user); err != nil {
			return err
		}
		err = q.UserSetEmail(ctx, gendb.UserSetEmailParams{
			ID: user.ID, Email: used.Email, EmailKey: used.EmailKey, EmailVerifiedAt: &now, Now: now,
		})
		if db.IsUnique(err) {
			return errEmailInUse
		}
		if err != nil {
			return err
		}
		if err := s.record(ctx, q, audit.Entry{Event: audit.UserUpdated, Reason: "email_changed", Actor: user.ID, Subject: user.ID}); err != nil {
			return err
		}
		return s.notify(ctx, q, mail.EmailChanged, user, mail.Details{NewAddress: used.Email})
	})
	if err != nil {
		return nil, s.tokenRefused(ctx, audit.UserUpdated, in.Body.Token, err)
	}
	s.Mail.Wake()
	return genapi.ConfirmEmail200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Email changed"}}, nil
}

// ResendVerification mails another link, if there is anything to confirm. That
// is found out when the mail is written, so that neither the answer nor its
// time tells.
func (s *Server) ResendVerification(ctx context.Context, in genapi.ResendVerificationRequestObject) (genapi.ResendVerificationResponseObject, error) {
	if err := s.mailAnyone(ctx, mail.VerifyEmail, in.Body.Email); err != nil {
		return nil, err
	}
	return genapi.ResendVerification200JSONResponse{Body: genapi.Done{Ok: true, Msg: "If the address needs confirming, a mail has been sent"}}, nil
}

// mailAnyone queues a mail for an address that somebody has typed. An address
// that cannot exist is nobody's.
func (s *Server) mailAnyone(ctx context.Context, kind mail.Kind, typed string) error {
	address, err := email.Parse(typed)
	if err != nil {
		return nil
	}
	if may, err := s.mayMail(ctx, address.Key); err != nil || !may {
		return err
	}
	err = s.DB.Tx(ctx, func(q *gendb.Queries) error {
		return s.Mail.Add(ctx, q, mail.Message{Kind: kind, Address: address, Details: origin(ctx)})
	})
	if err == nil {
		s.Mail.Wake()
	}
	return err
}

// notify queues a mail to the address that an account has or had.
func (s *Server) notify(ctx context.Context, q *gendb.Queries, kind mail.Kind, user gendb.User, details mail.Details) error {
	address, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	from := origin(ctx)
	from.NewAddress, from.Time, from.Confirmed = details.NewAddress, s.Now(), user.EmailVerifiedAt != nil
	return s.Mail.Add(ctx, q, mail.Message{Kind: kind, UserID: user.ID, Address: address, Locale: user.Locale, Details: from})
}

// origin says where a mail was asked for.
func origin(ctx context.Context) mail.Details {
	from := requestFrom(ctx)
	return mail.Details{IP: from.ip.String(), UserAgent: from.userAgent, RequestID: from.id}
}

// voidLinks makes everything that was mailed to a person, or is about to be,
// worthless.
func (s *Server) voidLinks(ctx context.Context, q *gendb.Queries, user gendb.User) error {
	address, err := email.Parse(user.Email)
	if err != nil {
		return err
	}
	return s.Mail.VoidLinks(ctx, q, user.ID, address)
}
