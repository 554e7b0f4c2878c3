package server

import (
	"context"

	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/session"
)

// GetProfile answers with the caller's own account.
func (s *Server) GetProfile(ctx context.Context, _ genapi.GetProfileRequestObject) (genapi.GetProfileResponseObject, error) {
	user := session.From(ctx).User
	return genapi.GetProfile200JSONResponse{Body: genapi.Profile{
		ID: int(user.ID), Username: user.Username, Email: user.Email, Role: genapi.Role(user.Role),
		EmailVerified: user.EmailVerifiedAt != nil, CreatedAt: user.CreatedAt,
	}}, nil
}
