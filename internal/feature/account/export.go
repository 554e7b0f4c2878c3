package account

import (
	"context"
	"database/sql"
	"errors"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/wire"
)

// ExportAccount returns everything that is stored about the caller, except secrets. A
// test reads the schema and fails if a table that refers to users is missing here.
func (h *Handler) ExportAccount(ctx context.Context, _ genapi.ExportAccountRequestObject) (genapi.ExportAccountResponseObject, error) {
	id := session.From(ctx).User.ID
	h.Audit.Note(ctx, audit.Entry{Event: audit.SensitiveRead, Outcome: audit.Success, Reason: "export", Subject: id})
	var export genapi.Export
	err := h.DB.View(ctx, func(q *gendb.Queries) (err error) {
		export, err = h.export(ctx, q, id)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, problem.LoginRequired.Because(err) // the account was deleted meanwhile
	}
	if err != nil {
		return nil, err
	}
	return genapi.ExportAccount200JSONResponse{Body: export}, nil
}

// export reads the parts of an export from one snapshot, so that they agree.
func (h *Handler) export(ctx context.Context, q *gendb.Queries, id int64) (export genapi.Export, err error) {
	user, err := q.UserByID(ctx, id)
	if err != nil {
		return export, err
	}
	sessions, err := q.SessionsStored(ctx, id)
	if err != nil {
		return export, err
	}
	tokens, err := q.TokensOfUser(ctx, id)
	if err != nil {
		return export, err
	}
	mails, err := q.OutboxOfUser(ctx, gendb.OutboxOfUserParams{
		UserID: sql.NullInt64{Int64: id, Valid: true}, RecipientKey: user.EmailKey,
	})
	if err != nil {
		return export, err
	}
	events, _, err := h.Audit.Own(ctx, q, id, "", maxExportedEvents)
	if err != nil {
		return export, err
	}
	return genapi.Export{
		Account:  exportAccount(user),
		Sessions: wire.List(sessions, exportSession),
		Tokens:   wire.List(tokens, exportToken),
		Mails:    wire.List(mails, exportMail),
		Events:   wire.List(events, func(e gendb.AuditEvent) genapi.AuditEvent { return wire.OwnEvent(id, e) }),
	}, nil
}

// maxExportedEvents is the maxItems of the contract.
const maxExportedEvents = 100_000

func exportAccount(u gendb.User) genapi.ExportedAccount {
	return genapi.ExportedAccount{
		ID: int(u.ID), Username: u.Username, Email: u.Email, Role: genapi.Role(u.Role), Locale: u.Locale,
		HasPassword: u.PasswordHash != nil, EmailVerifiedAt: u.EmailVerifiedAt, DisabledAt: u.DisabledAt,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

func exportSession(s gendb.Session) genapi.ExportedSession {
	return genapi.ExportedSession{
		ID: int(s.ID), CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, IP: s.Ip, UserAgent: s.UserAgent,
		AuthenticatedAt: s.AuthenticatedAt, Amr: s.Amr, ExpiresAt: s.ExpiresAt,
	}
}

func exportToken(t gendb.Token) genapi.ExportedToken {
	return genapi.ExportedToken{
		ID: int(t.ID), Purpose: genapi.ExportedTokenPurpose(t.Purpose), Email: t.Email,
		CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, UsedAt: t.UsedAt,
	}
}

func exportMail(m gendb.Outbox) genapi.ExportedMail {
	return genapi.ExportedMail{
		ID: int(m.ID), Kind: m.Kind, Recipient: m.Recipient, Locale: m.Locale, Details: mail.Kind(m.Kind).OwnDetails(m.Details),
		CreatedAt: m.CreatedAt, NextAttemptAt: m.NextAttemptAt, Attempts: int(m.Attempts),
		LastError: whyWaiting(m), DeadAt: m.DeadAt,
	}
}

// whyWaiting returns why a mail was not sent, as a word. The answer of the mail server
// is for the operator: it may quote the mail.
func whyWaiting(m gendb.Outbox) *string {
	word := "deferred"
	switch {
	case m.LastError == nil:
		return nil
	case m.DeadAt != nil:
		word = "given_up"
	case m.Unreachable:
		word = "unreachable"
	}
	return &word
}
