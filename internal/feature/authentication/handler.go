// Package authentication logs people in and out.
package authentication

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/credential"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/metrics"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/throttle"
	"github.com/techtreks/auth/internal/wire"
)

// A Handler implements the operations of the tag authentication. All fields are
// required.
type Handler struct {
	DB          *db.DB
	Accounts    *accounts.Manager
	Sessions    *session.Manager
	Credentials *credential.Checker
	Throttle    *throttle.Throttle
	Mail        *mail.Outbox
	Audit       *audit.Trail
	Metrics     *metrics.Metrics
	Now         func() time.Time
	Logger      *slog.Logger
}

// Login starts a session. An unknown username and a wrong password get the same answer
// after the same amount of work. The state of the account is only sent to a client that
// knows the password.
func (h *Handler) Login(ctx context.Context, in genapi.LoginRequestObject) (genapi.LoginResponseObject, error) {
	user, err := h.login(ctx, in.Body.Username, in.Body.Password)
	h.Metrics.Login(outcome(err))
	if err != nil {
		return nil, err
	}
	reqctx.From(ctx).Actor = user.ID
	return genapi.Login200JSONResponse{Body: genapi.LoggedIn{Ok: true, Msg: "login successful", User: wire.User(user)}}, nil
}

// Logout ends the session, if there is one.
func (h *Handler) Logout(ctx context.Context, _ genapi.LogoutRequestObject) (genapi.LogoutResponseObject, error) {
	if err := h.DB.Tx(ctx, func(q *gendb.Queries) error { return h.Sessions.LogOut(ctx, q) }); err != nil {
		return nil, err
	}
	return genapi.Logout200JSONResponse{Body: genapi.LoggedOut{Ok: true, Msg: "logged out"}}, nil
}

// GetCurrentUser returns the account of the session, null for a visitor.
func (h *Handler) GetCurrentUser(ctx context.Context, _ genapi.GetCurrentUserRequestObject) (genapi.GetCurrentUserResponseObject, error) {
	current := session.From(ctx)
	if current == nil {
		return genapi.GetCurrentUser200JSONResponse{Body: genapi.CurrentUser{Ok: false, User: nil}}, nil
	}
	user := wire.User(current.User)
	return genapi.GetCurrentUser200JSONResponse{Body: genapi.CurrentUser{Ok: true, User: (*genapi.UserOrNull)(&user)}}, nil
}

// recordLogin records a login. A login after a refused one is a separate event, because
// it may be the result of guessing.
func (h *Handler) recordLogin(ctx context.Context, q *gendb.Queries, userID int64) error {
	e := audit.Entry{Event: audit.LoginSuccess, Actor: userID, Subject: userID}
	last, err := q.AuditLastLogin(ctx, sql.NullInt64{Int64: userID, Valid: true})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if last == string(audit.LoginFail) {
		e.Event = audit.LoginSuccessAfterFail
	}
	return h.Audit.Record(ctx, q, e)
}
