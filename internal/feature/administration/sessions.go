package administration

import (
	"context"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/wire"
)

// ListUserSessions returns the live sessions of an account.
func (h *Handler) ListUserSessions(ctx context.Context, in genapi.ListUserSessionsRequestObject) (genapi.ListUserSessionsResponseObject, error) {
	user, err := h.Accounts.Find(ctx, int64(in.ID))
	if err != nil {
		return nil, err
	}
	live, err := h.Sessions.List(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	current := session.From(ctx).ID
	return genapi.ListUserSessions200JSONResponse{Body: genapi.SessionList{Ok: true, Sessions: wire.List(live, func(s gendb.Session) genapi.SessionInfo {
		return wire.Session(s, current)
	})}}, nil
}

// EndUserSessions ends every session of an account.
func (h *Handler) EndUserSessions(ctx context.Context, in genapi.EndUserSessionsRequestObject) (genapi.EndUserSessionsResponseObject, error) {
	_, err := h.change(ctx, in.ID, anyLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return user, h.Sessions.EndAll(ctx, q, user.ID)
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndUserSessions200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Sessions ended"}}, nil
}

// EndUserSession ends one session of an account.
func (h *Handler) EndUserSession(ctx context.Context, in genapi.EndUserSessionRequestObject) (genapi.EndUserSessionResponseObject, error) {
	_, err := h.change(ctx, in.ID, anyLogin, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		ended, err := h.Sessions.End(ctx, q, user.ID, int64(in.SessionID))
		if err == nil && !ended {
			err = problem.NotFound
		}
		return user, err
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndUserSession200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Session ended"}}, nil
}
