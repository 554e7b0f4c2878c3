// Package sessions lets people list and end their own sessions.
package sessions

import (
	"context"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/wire"
)

// A Handler implements the operations of the tag sessions. All fields are required.
type Handler struct {
	DB       *db.DB
	Accounts *accounts.Manager
	Sessions *session.Manager
}

// ListSessions returns the caller's live sessions.
func (h *Handler) ListSessions(ctx context.Context, _ genapi.ListSessionsRequestObject) (genapi.ListSessionsResponseObject, error) {
	current := session.From(ctx)
	live, err := h.Sessions.List(ctx, current.User.ID)
	if err != nil {
		return nil, err
	}
	return genapi.ListSessions200JSONResponse{Body: genapi.SessionList{Ok: true, Sessions: wire.List(live, func(s gendb.Session) genapi.SessionInfo {
		return wire.Session(s, current.ID)
	})}}, nil
}

// EndSession ends one of the caller's sessions. A session of another account gets the
// same answer as one that never existed. If the caller's own session was ended in the
// meantime, EndSession ends none: an attacker who is being logged out must not log out
// the owner.
func (h *Handler) EndSession(ctx context.Context, in genapi.EndSessionRequestObject) (genapi.EndSessionResponseObject, error) {
	err := h.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, err := h.Accounts.LockOwn(ctx, q)
		if err != nil {
			return err
		}
		ended, err := h.Sessions.End(ctx, q, user.ID, int64(in.ID))
		if err == nil && !ended {
			return problem.NotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndSession200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Session ended"}}, nil
}

// EndOtherSessions ends all of the caller's sessions but the current one.
func (h *Handler) EndOtherSessions(ctx context.Context, _ genapi.EndOtherSessionsRequestObject) (genapi.EndOtherSessionsResponseObject, error) {
	err := h.DB.Tx(ctx, func(q *gendb.Queries) error {
		if _, err := h.Accounts.LockOwn(ctx, q); err != nil {
			return err
		}
		return h.Sessions.EndOthers(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndOtherSessions200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Other sessions ended"}}, nil
}
