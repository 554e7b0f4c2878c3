package server

import (
	"context"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
)

// ListUserSessions shows where somebody is logged in.
func (s *Server) ListUserSessions(ctx context.Context, in genapi.ListUserSessionsRequestObject) (genapi.ListUserSessionsResponseObject, error) {
	user, err := s.Accounts.Find(ctx, int64(in.ID))
	if err != nil {
		return nil, err
	}
	live, err := s.Sessions.List(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	return genapi.ListUserSessions200JSONResponse{Body: genapi.SessionList{Ok: true, Sessions: each(live, sessionInfo(ctx))}}, nil
}

// EndUserSessions logs somebody out everywhere.
func (s *Server) EndUserSessions(ctx context.Context, in genapi.EndUserSessionsRequestObject) (genapi.EndUserSessionsResponseObject, error) {
	_, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		return user, s.Sessions.EndAll(ctx, q, user.ID)
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndUserSessions200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Sessions ended"}}, nil
}

// EndUserSession logs out one session of somebody.
func (s *Server) EndUserSession(ctx context.Context, in genapi.EndUserSessionRequestObject) (genapi.EndUserSessionResponseObject, error) {
	_, err := s.administer(ctx, in.ID, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
		ended, err := s.Sessions.End(ctx, q, user.ID, int64(in.SessionID))
		if err == nil && !ended {
			err = errNotFound
		}
		return user, err
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndUserSession200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Session ended"}}, nil
}
