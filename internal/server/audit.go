package server

import (
	"context"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/session"
)

// record writes down what the transaction q does.
func (s *Server) record(ctx context.Context, q *gendb.Queries, e audit.Entry) error {
	return s.Audit.Record(ctx, q, s.about(ctx, e))
}

// note writes down what was refused.
func (s *Server) note(ctx context.Context, e audit.Entry) {
	if e.Outcome == "" {
		e.Outcome = audit.Failure
	}
	s.Audit.Note(ctx, s.about(ctx, e))
}

// about adds to an entry what the request says: where it came from, what it was
// for, who is logged in. What the entry says itself stands.
func (s *Server) about(ctx context.Context, e audit.Entry) audit.Entry {
	from := requestFrom(ctx)
	e.Address, e.UserAgent, e.RequestID = from.ip.String(), from.userAgent, from.id
	if op := contract.OperationFrom(ctx); op != nil {
		e.Operation = op.ID
	}
	if current := session.From(ctx); current != nil {
		if e.Actor == 0 {
			e.Actor = current.User.ID
		}
		if e.SessionHash == "" {
			e.SessionHash = s.Audit.Keyed(string(current.TokenHash))
		}
	}
	return e
}
