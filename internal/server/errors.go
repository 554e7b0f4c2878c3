package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/db"
	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/session"
)

// The failures of this server. Their codes are constants generated from the
// contract: one that is dropped there does not compile here.
var (
	errAmbiguousSession = &contract.Error{
		Status: http.StatusBadRequest, Code: string(genapi.AmbiguousSessionCodeAmbiguousSession),
		Message: "The request has more than one session cookie",
	}
	errInvalidCredentials = &contract.Error{
		Status: http.StatusUnauthorized, Code: string(genapi.InvalidCredentialsCodeInvalidCredentials),
		Message: "invalid credentials",
	}
	errCrossOrigin = &contract.Error{
		Status: http.StatusForbidden, Code: string(genapi.CrossOriginRefusedCodeCrossOriginRefused),
		Message: "This origin may not call the server",
	}
	errAccountDisabled = &contract.Error{
		Status: http.StatusForbidden, Code: string(genapi.LoginRefusedCodeAccountDisabled),
		Message: "Account disabled",
	}
	errNotFound = &contract.Error{
		Status: http.StatusNotFound, Code: string(genapi.NotFoundCodeNotFound),
		Message: "Not found",
	}
	errMethodNotAllowed = &contract.Error{
		Status: http.StatusMethodNotAllowed, Code: string(genapi.MethodNotAllowedCodeMethodNotAllowed),
		Message: "Method not allowed",
	}
	errUsernameTaken = &contract.Error{
		Status: http.StatusConflict, Code: string(genapi.RegistrationConflictCodeUsernameTaken),
		Message: "Username already taken",
	}
	errEmailTaken = &contract.Error{
		Status: http.StatusConflict, Code: string(genapi.RegistrationConflictCodeEmailTaken),
		Message: "Email already registered",
	}
	errRegistrationClosed = &contract.Error{
		Status: http.StatusForbidden, Code: string(genapi.RegistrationRefusedCodeRegistrationClosed),
		Message: "Registration is closed",
	}
	errEmailUnverified = &contract.Error{
		Status: http.StatusForbidden, Code: string(genapi.LoginRefusedCodeEmailUnverified),
		Message: "Email not verified",
	}
	errInvalidToken = &contract.Error{
		Status: http.StatusBadRequest, Code: string(genapi.InvalidTokenCodeInvalidToken),
		Message: "Invalid token",
	}
	errInvalidResetToken = &contract.Error{
		Status: http.StatusBadRequest, Code: string(genapi.InvalidResetCodeInvalidToken),
		Message: "Invalid or expired token",
	}
	errInternal = &contract.Error{
		Status: http.StatusInternalServerError, Code: string(genapi.InternalErrorCodeInternalError),
		Message: "Internal server error",
	}
	errBusy = &contract.Error{
		Status: http.StatusServiceUnavailable, Code: string(genapi.BusyOrUnavailableCodeBusy),
		Message: "The server is busy", // RetryAfter is the gate's to say
	}
	errUnavailable = &contract.Error{
		Status: http.StatusServiceUnavailable, Code: string(genapi.UnavailableCodeUnavailable),
		Message: "The database is not available", RetryAfter: 2 * time.Second,
	}
	errShuttingDown = &contract.Error{
		Status: http.StatusServiceUnavailable, Code: string(genapi.NotReadyCodeShuttingDown),
		Message: "The server is shutting down", RetryAfter: 5 * time.Second,
	}
)

// asContractError says what an error is to the client. What nobody has thought
// of is an internal error: its text goes to the log and nowhere else.
func asContractError(err error) *contract.Error {
	var known *contract.Error
	var busy *password.BusyError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, session.ErrAmbiguous):
		return errAmbiguousSession.Because(err)
	case errors.Is(err, session.ErrEnded):
		return contract.ErrLoginRequired.Because(err)
	case errors.As(err, &busy):
		e := errBusy.Because(err)
		e.RetryAfter = busy.RetryAfter
		return e
	case db.IsUnavailable(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// Canceled means that nobody is there to read the answer.
		return errUnavailable.Because(err)
	}
	for cause, known := range ofAccounts {
		if errors.Is(err, cause) {
			return known.Because(err)
		}
	}
	return errInternal.Because(err)
}

// errorBody is the one shape of every failure.
type errorBody struct {
	OK        bool             `json:"ok"`
	Error     string           `json:"error"`
	Code      string           `json:"code"`
	RequestID string           `json:"request_id"`
	Fields    []contract.Field `json:"fields,omitempty"`
}

// fail is the only place that writes an error to a client. It ends the
// request.
func (s *Server) fail(c *gin.Context, err error) {
	e := asContractError(err)
	state := requestFrom(c.Request.Context())
	state.err = e
	if c.Writer.Written() {
		// Half an answer is out; only a broken connection can tell the client.
		panic(http.ErrAbortHandler)
	}
	header := c.Writer.Header()
	// The transaction that started a session has not been committed: its cookie
	// must not go out either.
	header.Del("Set-Cookie")
	state.audited.Drop() // nor what it has recorded
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	if e.Status != http.StatusMethodNotAllowed {
		header.Del("Allow") // gin sets it before it is known who asks
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(seconds(e.RetryAfter), 10))
	}
	if e.Status == http.StatusRequestEntityTooLarge {
		header.Set("Connection", "close")
	}
	s.noteRefusal(c.Request.Context(), e)
	c.AbortWithStatusJSON(e.Status, errorBody{
		Error: e.Message, Code: e.Code, RequestID: state.id, Fields: e.Fields,
	})
}

// panicError is the cause in the log for a panic. It is cut short: what a
// client has sent may be in it.
func panicError(value any) error { return fmt.Errorf("panic: %.200v", value) }

// Account.
var (
	errPasswordIncorrect = &contract.Error{
		Status: http.StatusUnauthorized, Code: string(genapi.PasswordIncorrectCodeCurrentPasswordIncorrect),
		Message: "Current password incorrect",
	}
	errReauthRequired = &contract.Error{
		Status: http.StatusForbidden, Code: string(genapi.ReauthRequiredCodeReauthRequired),
		Message: "Please confirm your password",
	}
	errEmailInUse = &contract.Error{
		Status: http.StatusConflict, Code: string(genapi.ProfileConflictCodeEmailTaken),
		Message: "Email already in use",
	}
)

// Administration.
var (
	errLastAdmin = &contract.Error{
		Status: http.StatusConflict, Code: string(genapi.LastAdminCodeLastAdmin),
		Message: "The last administrator must stay",
	}
	errMailOff = &contract.Error{
		Status: http.StatusConflict, Code: string(genapi.InvitationConflictCodeMailOff),
		Message: "This server sends no mail",
	}
	errNoMailToDisabled = &contract.Error{
		Status: http.StatusConflict, Code: string(genapi.ResetConflictCodeAccountDisabled),
		Message: "Account disabled",
	}
)

// ofAccounts are the failures of internal/accounts to the client.
var ofAccounts = map[error]*contract.Error{
	accounts.ErrUnknown: errNotFound, accounts.ErrLastAdmin: errLastAdmin,
	accounts.ErrUsernameTaken: errUsernameTaken, accounts.ErrEmailTaken: errEmailTaken,
	accounts.ErrDisabled: errNoMailToDisabled, accounts.ErrMailOff: errMailOff,
}
