package server

import (
	"context"
	"database/sql"
	"errors"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

// setUpAudit connects the trail with what has something to record, and with the
// metrics.
func (s *Server) setUpAudit() {
	s.Audit.Recorded = func(e audit.Event) { s.Metrics.AuditEvent(string(e)) }
	s.Audit.Lost = func(audit.Event) { s.Metrics.AuditLost(metrics.AuditFailed) }
	s.Audit.Suppressed = func(audit.Event) { s.Metrics.AuditLost(metrics.AuditSuppressed) }
	s.Sessions.Record = s.record
	s.Sessions.Ended = s.noteEndedSession
}

// record writes down what the transaction q does.
func (s *Server) record(ctx context.Context, q *gendb.Queries, e audit.Entry) error {
	return s.Audit.Record(ctx, q, about(ctx, e))
}

// note writes down what was refused.
func (s *Server) note(ctx context.Context, e audit.Entry) {
	if e.Outcome == "" {
		e.Outcome = audit.Failure
	}
	s.Audit.Note(ctx, about(ctx, e))
}

// about adds to an entry what the request says: where it came from, what it was
// for, who is logged in. What the entry says itself stands.
func about(ctx context.Context, e audit.Entry) audit.Entry {
	from := requestFrom(ctx)
	if from == nil {
		return e // done beside the requests
	}
	e.Address, e.UserAgent, e.RequestID = from.ip.String(), from.userAgent, from.id
	if op := contract.OperationFrom(ctx); op != nil {
		e.Operation = op.ID
	}
	if current := session.From(ctx); current != nil {
		if e.Actor == 0 {
			e.Actor = current.User.ID
		}
		if e.Session == nil {
			e.Session = current.TokenHash
		}
	}
	return e
}

// refusalEvents are the failures that are events, by operation and code; those of any
// operation stand last. Failures of a login and of mailed tokens are not here:
// they know more than their code, and are recorded where it is known.
var refusalEvents = map[string]map[string]audit.Event{
	"register": {
		errUsernameTaken.Code: audit.UserCreated, errEmailTaken.Code: audit.UserCreated,
		errRegistrationClosed.Code: audit.UserCreated,
	},
	"updateProfile":  {errUsernameTaken.Code: audit.UserUpdated, errEmailInUse.Code: audit.UserUpdated},
	"changePassword": {errPasswordIncorrect.Code: audit.PasswordChangeFail},
	"": {
		contract.ErrLoginRequired.Code: audit.AuthzFail, contract.ErrForbidden.Code: audit.AuthzFail,
		errReauthRequired.Code: audit.SequenceFail, errPasswordIncorrect.Code: audit.LoginFail,
	},
}

// noteRefusal records a failure that a client is about to be told, if it is an
// event.
func (s *Server) noteRefusal(ctx context.Context, e *contract.Error) {
	operation := ""
	if op := contract.OperationFrom(ctx); op != nil {
		operation = op.ID
	}
	event, found := refusalEvents[operation][e.Code]
	if !found {
		event, found = refusalEvents[""][e.Code]
	}
	if !found {
		return
	}
	entry := audit.Entry{Event: event, Reason: e.Code}
	if current := session.From(ctx); current != nil {
		entry.Subject = current.User.ID
	}
	s.note(ctx, entry)
}

// noteEndedSession records that the cookie of a session was presented that is no
// more: one that has expired, as happens to everybody, or one that was ended or
// replaced, which only somebody still has who has copied it.
func (s *Server) noteEndedSession(ctx context.Context, tokenHash []byte) {
	e := audit.Entry{Event: audit.SessionUseAfterExpire, Reason: "expired", Session: tokenHash}
	var err error
	if e.Subject, err = s.DB.SessionStored(ctx, tokenHash); errors.Is(err, sql.ErrNoRows) {
		var last audit.Event
		last, e.Subject, err = s.Audit.OfToken(ctx, tokenHash)
		switch last {
		case audit.SessionCreated, audit.SessionRenewed:
			e.Event, e.Reason = audit.TokenReuse, "session_ended"
		case "":
			e.Reason = "unknown_session"
		}
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "use of an ended session not recorded", "error", err)
		return
	}
	s.note(ctx, e)
}

// tokenRefused records that a mailed token was refused, and returns err. One that
// was used or replaced is told from one that nobody ever got. Anything but such a
// refusal is returned as it is.
func (s *Server) tokenRefused(ctx context.Context, event audit.Event, value string, err error) error {
	var refused *contract.Error
	if !errors.As(err, &refused) || refused.Code != errInvalidToken.Code && refused.Code != errInvalidResetToken.Code {
		return err
	}
	e, lookupErr := s.refusedToken(ctx, event, value)
	if lookupErr != nil {
		s.Logger.WarnContext(ctx, "refused token not looked up", "error", lookupErr)
	}
	s.note(ctx, e)
	return err
}

func (s *Server) refusedToken(ctx context.Context, event audit.Event, value string) (audit.Entry, error) {
	e := audit.Entry{Event: event, Reason: "unknown_token"}
	hash := token.Hash(value)
	found, err := s.DB.TokenByHash(ctx, hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		var last audit.Event
		last, e.Subject, err = s.Audit.OfToken(ctx, hash)
		if last == audit.TokenCreated {
			e.Event, e.Reason = audit.TokenReuse, "replaced_token"
		}
		return e, err
	case err != nil:
		return e, err
	case found.UsedAt != nil:
		e.Event, e.Reason = audit.TokenReuse, "used_token"
	case !found.ExpiresAt.After(s.Now()):
		e.Reason = "expired_token"
	default:
		e.Reason = "unfit_token" // for something else, or the account is disabled
	}
	e.Subject = found.UserID
	return e, nil
}
