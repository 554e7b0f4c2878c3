package server

import (
	"context"
	"database/sql"
	"errors"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/session"
)

// ExportAccount answers with everything that is stored about the caller, but
// for what would let somebody in. A table that refers to users has its part
// here; a test reads the schema and fails when one is left out.
func (s *Server) ExportAccount(ctx context.Context, _ genapi.ExportAccountRequestObject) (genapi.ExportAccountResponseObject, error) {
	id := session.From(ctx).User.ID
	s.note(ctx, audit.Entry{Event: audit.SensitiveRead, Outcome: audit.Success, Reason: "export", Subject: id})
	var export genapi.Export
	err := s.DB.View(ctx, func(q *gendb.Queries) (err error) {
		export, err = s.export(ctx, q, id)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, session.ErrEnded // the account has gone meanwhile
	}
	if err != nil {
		return nil, err
	}
	return genapi.ExportAccount200JSONResponse{Body: export}, nil
}

// export reads the parts of an export out of one view of the database, or they
// could contradict each other.
func (s *Server) export(ctx context.Context, q *gendb.Queries, id int64) (export genapi.Export, err error) {
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
	events, _, err := s.Audit.Own(ctx, q, id, "", maxExportedEvents)
	if err != nil {
		return export, err
	}
	return genapi.Export{
		Account:  exportAccount(user),
		Sessions: each(sessions, exportSession),
		Tokens:   each(tokens, exportToken),
		Mails:    each(mails, exportMail),
		Events:   each(events, func(e gendb.AuditEvent) genapi.AuditEvent { return ownEvent(id, e) }),
	}, nil
}

// maxExportedEvents bounds the export in the contract.
const maxExportedEvents = 100_000

// each turns rows into what the contract calls them; none are an empty list.
func each[Row, Exported any](rows []Row, export func(Row) Exported) []Exported {
	list := make([]Exported, len(rows))
	for i, row := range rows {
		list[i] = export(row)
	}
	return list
}

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

// whyWaiting is why a mail has not gone out, in a word. What the mail server has
// said is for the operator: it is about the server, and at times quotes the mail.
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
