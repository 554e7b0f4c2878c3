package server

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/session"
)

// ListAuditEvents shows administrators the audit trail.
func (s *Server) ListAuditEvents(ctx context.Context, in genapi.ListAuditEventsRequestObject) (genapi.ListAuditEventsResponseObject, error) {
	p := in.Params
	filter := audit.Filter{
		Event: audit.Event(value(p.Event)), User: int64(value(p.User)), Address: value(p.Address),
		Since: value(p.Since), Until: value(p.Until),
	}
	if addr := canonicalIP(filter.Address); addr.IsValid() {
		filter.Address = addr.String()
	}
	named, err := json.Marshal(filter)
	if err != nil {
		return nil, err
	}
	list := "audit" + string(named) // a cursor of one filter is none of another
	from, err := s.pageFrom(list, p.Cursor)
	if err != nil {
		return nil, err
	}
	page, next, err := s.Audit.List(ctx, filter, from, limitOf(p.Limit))
	if err != nil {
		return nil, err
	}
	return genapi.ListAuditEvents200JSONResponse{AuditPageJSONResponse: genapi.AuditPageJSONResponse{
		Body: genapi.AuditPage{Events: each(page, publicEvent), NextCursor: s.cursor(list, next)},
	}}, nil
}

// GetActivity shows people what happened to their accounts.
func (s *Server) GetActivity(ctx context.Context, in genapi.GetActivityRequestObject) (genapi.GetActivityResponseObject, error) {
	own := session.From(ctx).User.ID
	list := "activity" + strconv.FormatInt(own, 10)
	from, err := s.pageFrom(list, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	page, next, err := s.Audit.Own(ctx, s.DB.Queries, own, from, limitOf(in.Params.Limit))
	if err != nil {
		return nil, err
	}
	events := each(page, func(e gendb.AuditEvent) genapi.AuditEvent { return ownEvent(own, e) })
	return genapi.GetActivity200JSONResponse{ActivityPageJSONResponse: genapi.ActivityPageJSONResponse{
		Body: genapi.AuditPage{Events: events, NextCursor: s.cursor(list, next)},
	}}, nil
}

func limitOf(asked *int) int {
	if asked == nil {
		return defaultLimit
	}
	return *asked
}

func publicEvent(e gendb.AuditEvent) genapi.AuditEvent {
	return genapi.AuditEvent{
		ID: int(e.ID), CreatedAt: e.CreatedAt, Event: genapi.AuditEventName(e.Event), Outcome: genapi.AuditEventOutcome(e.Outcome),
		Reason: e.Reason, Operation: e.Operation, ActorID: person(e.ActorID), UserID: person(e.UserID), UserHash: e.UserHash,
		IP: &e.Ip, UserAgent: &e.UserAgent, RequestID: &e.RequestID, SessionHash: e.SessionHash, Repeats: int(e.Repeats),
	}
}

// ownEvent leaves out what is not the person's to know: who looks after the
// server, and from where, and where somebody is who has typed the person's address
// to register, which the mail about it does not tell either.
func ownEvent(own int64, e gendb.AuditEvent) genapi.AuditEvent {
	shown := publicEvent(e)
	registered := e.Event == string(audit.UserCreated) && e.Outcome == string(audit.Failure)
	if e.ActorID.Valid && e.ActorID.Int64 != own || registered {
		shown.ActorID, shown.IP, shown.UserAgent, shown.RequestID, shown.SessionHash = nil, nil, nil, nil, nil
	}
	return shown
}

// person is the number of an account, nil for nobody.
func person(id sql.NullInt64) *int {
	if !id.Valid {
		return nil
	}
	n := int(id.Int64)
	return &n
}
