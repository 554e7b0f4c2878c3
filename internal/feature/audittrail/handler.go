// Package audittrail serves the audit trail: all of it to administrators, and to users
// the events of their own account.
package audittrail

import (
	"context"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/clientip"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
	"github.com/techtreks/auth/internal/wire"
)

// A Handler implements the operations of the tag audit. All fields are required.
type Handler struct {
	Audit  *audit.Trail
	Signer *token.Signer // of cursors
}

// ListAuditEvents returns a page of the audit trail.
func (h *Handler) ListAuditEvents(ctx context.Context, in genapi.ListAuditEventsRequestObject) (genapi.ListAuditEventsResponseObject, error) {
	p := in.Params
	filter := audit.Filter{
		Event: audit.Event(wire.Value(p.Event)), User: int64(wire.Value(p.User)), Address: wire.Value(p.Address),
		Since: wire.Value(p.Since), Until: wire.Value(p.Until),
	}
	if addr := clientip.Parse(filter.Address); addr.IsValid() {
		filter.Address = addr.String()
	}
	pager, err := wire.NewPager(h.Signer, "audit", filter)
	if err != nil {
		return nil, err
	}
	from, err := pager.From(p.Cursor)
	if err != nil {
		return nil, err
	}
	page, next, err := h.Audit.List(ctx, filter, from, wire.Limit(p.Limit))
	if err != nil {
		return nil, err
	}
	return genapi.ListAuditEvents200JSONResponse{AuditPageJSONResponse: genapi.AuditPageJSONResponse{
		Body: genapi.AuditPage{Events: wire.List(page, wire.AuditEvent), NextCursor: pager.Next(next)},
	}}, nil
}

// GetActivity returns a page of the events of the caller's account.
func (h *Handler) GetActivity(ctx context.Context, in genapi.GetActivityRequestObject) (genapi.GetActivityResponseObject, error) {
	own := session.From(ctx).User.ID
	pager, err := wire.NewPager(h.Signer, "activity", own)
	if err != nil {
		return nil, err
	}
	from, err := pager.From(in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	page, next, err := h.Audit.Own(ctx, h.Audit.DB.Queries, own, from, wire.Limit(in.Params.Limit))
	if err != nil {
		return nil, err
	}
	events := wire.List(page, func(e gendb.AuditEvent) genapi.AuditEvent { return wire.OwnEvent(own, e) })
	return genapi.GetActivity200JSONResponse{ActivityPageJSONResponse: genapi.ActivityPageJSONResponse{
		Body: genapi.AuditPage{Events: events, NextCursor: pager.Next(next)},
	}}, nil
}
