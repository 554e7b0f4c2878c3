package server

import (
	"context"

	"github.com/mileusna/useragent"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/session"
)

// ListSessions shows where the caller is logged in.
func (s *Server) ListSessions(ctx context.Context, _ genapi.ListSessionsRequestObject) (genapi.ListSessionsResponseObject, error) {
	live, err := s.Sessions.List(ctx, session.From(ctx).User.ID)
	if err != nil {
		return nil, err
	}
	return genapi.ListSessions200JSONResponse{Body: genapi.SessionList{Ok: true, Sessions: each(live, sessionInfo(ctx))}}, nil
}

// sessionInfo turns sessions into what the contract shows of them; that of the
// request is marked.
func sessionInfo(ctx context.Context) func(gendb.Session) genapi.SessionInfo {
	current := session.From(ctx).ID
	return func(one gendb.Session) genapi.SessionInfo {
		client := useragent.Parse(one.UserAgent)
		return genapi.SessionInfo{
			ID: int(one.ID), CreatedAt: one.CreatedAt, LastSeenAt: one.LastSeenAt, IP: one.Ip, UserAgent: one.UserAgent,
			Browser: label(client.Name), Os: label(client.OS), Current: one.ID == current,
		}
	}
}

// maxLabel bounds the name of a browser in the contract, in characters.
const maxLabel = 100

// label cuts short what a client that nobody knows has called itself.
func label(name string) string {
	if runes := []rune(name); len(runes) > maxLabel {
		return string(runes[:maxLabel])
	}
	return name
}

// EndSession logs out one of the caller's sessions. That of somebody else is as
// unknown as one that never was. A thief who is being thrown out ends none: the
// owner's would be among them.
func (s *Server) EndSession(ctx context.Context, in genapi.EndSessionRequestObject) (genapi.EndSessionResponseObject, error) {
	err := s.DB.Tx(ctx, func(q *gendb.Queries) error {
		user, err := s.hold(ctx, q)
		if err != nil {
			return err
		}
		ended, err := s.Sessions.End(ctx, q, user.ID, int64(in.ID))
		if err == nil && !ended {
			return errNotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndSession200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Session ended"}}, nil
}

// EndOtherSessions logs the caller out everywhere else.
func (s *Server) EndOtherSessions(ctx context.Context, _ genapi.EndOtherSessionsRequestObject) (genapi.EndOtherSessionsResponseObject, error) {
	err := s.DB.Tx(ctx, func(q *gendb.Queries) error {
		if _, err := s.hold(ctx, q); err != nil {
			return err
		}
		return s.Sessions.EndOthers(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	return genapi.EndOtherSessions200JSONResponse{Body: genapi.Done{Ok: true, Msg: "Other sessions ended"}}, nil
}
