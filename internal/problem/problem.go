package problem

import (
	"net/http"
	"time"
)

// The problems, in alphabetical order.
var (
	// AccountDisabled refuses a login. It is only sent to a client that knows the
	// password.
	AccountDisabled = &Error{Status: http.StatusForbidden, Code: "account_disabled", Message: "Account disabled"}

	// AmbiguousSession refuses a request with two session cookies. A browser sends both
	// the cookie of this host and one that a sibling domain has planted, in an order
	// that the attacker chooses.
	AmbiguousSession = &Error{Status: http.StatusBadRequest, Code: "ambiguous_session", Message: "The request has more than one session cookie"}

	BodyTooLarge = &Error{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Message: "The request body is too large"}

	// Busy refuses a request that waits for a password hash. The gate sets RetryAfter.
	Busy = &Error{Status: http.StatusServiceUnavailable, Code: "busy", Message: "The server is busy"}

	CrossOriginRefused = &Error{Status: http.StatusForbidden, Code: "cross_origin_refused", Message: "This origin may not call the server"}

	// EmailInUse refuses a change of address, EmailTaken a registration.
	EmailInUse = &Error{Status: http.StatusConflict, Code: "email_taken", Message: "Email already in use"}
	EmailTaken = &Error{Status: http.StatusConflict, Code: "email_taken", Message: "Email already registered"}

	EmailUnverified = &Error{Status: http.StatusForbidden, Code: "email_unverified", Message: "Email not verified"}

	Forbidden = &Error{Status: http.StatusForbidden, Code: "forbidden", Message: "Admin access required", Event: "authz_fail"}

	Internal = &Error{Status: http.StatusInternalServerError, Code: "internal_error", Message: "Internal server error"}

	InvalidCredentials = &Error{Status: http.StatusUnauthorized, Code: "invalid_credentials", Message: "invalid credentials"}

	// InvalidFields refuses a request that breaks a schema. Its sentence is the one of
	// the first field; see [Invalid].
	InvalidFields = &Error{Status: http.StatusBadRequest, Code: "invalid_fields", Message: "The request is not valid"}

	// InvalidResetToken refuses a link that sets a password, InvalidToken any other link.
	InvalidResetToken = &Error{Status: http.StatusBadRequest, Code: "invalid_token", Message: "Invalid or expired token"}
	InvalidToken      = &Error{Status: http.StatusBadRequest, Code: "invalid_token", Message: "Invalid token"}

	LastAdmin = &Error{Status: http.StatusConflict, Code: "last_admin", Message: "The last administrator must stay"}

	LoginRequired = &Error{Status: http.StatusUnauthorized, Code: "login_required", Message: "Login required", Event: "authz_fail"}

	MailOff = &Error{Status: http.StatusConflict, Code: "mail_off", Message: "This server sends no mail"}

	MalformedBody = &Error{Status: http.StatusBadRequest, Code: "malformed_body", Message: "The request body is not valid JSON"}

	MethodNotAllowed = &Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "Method not allowed"}

	// MissingFields refuses a request that lacks required fields.
	MissingFields = &Error{Status: http.StatusBadRequest, Code: "missing_fields", Message: "Missing fields"}

	NotFound = &Error{Status: http.StatusNotFound, Code: "not_found", Message: "Not found"}

	PasswordIncorrect = &Error{Status: http.StatusUnauthorized, Code: "current_password_incorrect", Message: "Current password incorrect", Event: "authn_login_fail"}

	// RateLimited refuses a request over a limit. The limiter sets RetryAfter.
	RateLimited = &Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "Too many requests"}

	// ReauthRequired asks for a fresh login before an operation that could cost the
	// owner the account (ASVS 5.0.0-7.5.1).
	ReauthRequired = &Error{Status: http.StatusForbidden, Code: "reauth_required", Message: "Please confirm your password", Event: "sequence_fail"}

	// RecipientDisabled refuses to mail a link to a disabled account.
	RecipientDisabled = &Error{Status: http.StatusConflict, Code: "account_disabled", Message: "Account disabled"}

	RegistrationClosed = &Error{Status: http.StatusForbidden, Code: "registration_closed", Message: "Registration is closed", Event: "user_created"}

	ShuttingDown = &Error{Status: http.StatusServiceUnavailable, Code: "shutting_down", Message: "The server is shutting down", RetryAfter: 5 * time.Second}

	Unavailable = &Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "The database is not available", RetryAfter: 2 * time.Second}

	UnsupportedMediaType = &Error{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Message: "The request body must be application/json"}

	UsernameTaken = &Error{Status: http.StatusConflict, Code: "username_taken", Message: "Username already taken"}
)

// All lists every problem, in alphabetical order.
var All = []*Error{
	AccountDisabled, AmbiguousSession, BodyTooLarge, Busy, CrossOriginRefused, EmailInUse, EmailTaken, EmailUnverified,
	Forbidden, Internal, InvalidCredentials, InvalidFields, InvalidResetToken, InvalidToken, LastAdmin, LoginRequired,
	MailOff, MalformedBody, MethodNotAllowed, MissingFields, NotFound, PasswordIncorrect, RateLimited, ReauthRequired, RecipientDisabled,
	RegistrationClosed, ShuttingDown, Unavailable, UnsupportedMediaType, UsernameTaken,
}
