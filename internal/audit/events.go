package audit

// An Event is the name of an audit event. The names are from the OWASP Logging Vocabulary, which
// other programs know; [MailFailed] is not in it.
type Event string

// Authentication.
const (
	LoginSuccess          Event = "authn_login_success"
	LoginSuccessAfterFail Event = "authn_login_successafterfail"
	LoginFail             Event = "authn_login_fail"
	LoginFailMax          Event = "authn_login_fail_max"
	LoginLock             Event = "authn_login_lock"
	PasswordChange        Event = "authn_password_change"
	PasswordChangeFail    Event = "authn_password_change_fail"
	TokenCreated          Event = "authn_token_created"
	TokenRevoked          Event = "authn_token_revoked"
	TokenReuse            Event = "authn_token_reuse"
)

// Authorization, rate limits and attacks.
const (
	AuthzFail         Event = "authz_fail"
	AuthzChange       Event = "authz_change"
	AuthzAdmin        Event = "authz_admin"
	RateLimitExceeded Event = "excess_rate_limit_exceeded"
	MaliciousCSRF     Event = "malicious_csrf"
	MaliciousCORS     Event = "malicious_cors"
	SequenceFail      Event = "sequence_fail"
)

// Sessions.
const (
	SessionCreated        Event = "session_created"
	SessionRenewed        Event = "session_renewed"
	SessionExpired        Event = "session_expired"
	SessionLogout         Event = "session_logout"
	SessionUseAfterExpire Event = "session_use_after_expire"
)

// Accounts.
const (
	UserCreated   Event = "user_created"
	UserUpdated   Event = "user_updated"
	UserArchived  Event = "user_archived"
	UserDeleted   Event = "user_deleted"
	SensitiveRead Event = "sensitive_read"
)

// The server.
const (
	SysStartup  Event = "sys_startup"
	SysShutdown Event = "sys_shutdown"
	SysCrash    Event = "sys_crash"
	MailFailed  Event = "mail_failed"
)

// eventInfo describes one event, for the table in docs/audit.md.
type eventInfo struct {
	event   Event
	when    string // the event is recorded
	reasons string // the possible values of Entry.Reason; empty for an event without a reason
}

// events is the one list of all events, in the order of docs/audit.md and of the enum
// AuditEventName in the contract. After a change: go test ./internal/audit -run Manual -update
var events = []eventInfo{
	{LoginSuccess, "a login succeeded", ""},
	{LoginSuccessAfterFail, "a login succeeded, and the previous attempt on that account failed", ""},
	{LoginFail, "a password was wrong, at login or wherever one is required; or it was right and the account may not log in",
		"`invalid_credentials`, `account_disabled`, `email_unverified`, `current_password_incorrect`"},
	{LoginFailMax, "the fifth failure in a row on one account or unknown name; further attempts must wait", "`attempts_delayed`"},
	{LoginLock, "the wait reached its maximum, one minute", "`longest_delay`"},
	{PasswordChange, "a password was changed, or set through a link", "`changed`, `reset`"},
	{PasswordChangeFail, "a password change or reset was refused",
		"`current_password_incorrect`, `expired_token`, `unknown_token`, `unfit_token`"},
	{TokenCreated, "a link was sent (requesting one is not an event: the response must not reveal whether an account exists)",
		"`verify_email`, `reset_password`, `change_email`, `invitation`"},
	{TokenRevoked, "sessions were ended other than by logout: one event, with the further sessions in `repeats`", "`sessions_ended`"},
	{TokenReuse, "a used, replaced or ended link or session was presented again", "`used_token`, `replaced_token`, `session_ended`"},

	{AuthzFail, "no session, or the role is not sufficient", "`login_required`, `forbidden`"},
	{AuthzChange, "a role was changed", "old and new role: `user_to_admin`, `admin_to_moderator` and so on"},
	{AuthzAdmin, "an administrator sent or created a link for an account",
		"`link_sent` (a reset or an invitation by email), `link_shown` (on the command line)"},
	{RateLimitExceeded, "a rate limit was reached; once per window", "the limit, such as `5_per_minute`"},
	{MaliciousCSRF, "a page on another origin tried to change something", "`cross_origin_refused`"},
	{MaliciousCORS, "a page on another origin tried to read something", "`cross_origin_refused`"},
	{SequenceFail, "the password must be confirmed first", "`reauth_required`"},

	{SessionCreated, "a session started", ""},
	{SessionRenewed, "a session got a new token because the password was confirmed", ""},
	{SessionExpired, "an expired session was deleted", "`idle`, `absolute`"},
	{SessionLogout, "a session was logged out, or replaced by a new login in the same browser", "`logout`, `new_login`"},
	{SessionUseAfterExpire, "the cookie of an expired session was presented", "`expired`, `unknown_session`"},

	{UserCreated, "an account was created, or its creation was refused",
		"`registered`, `invited_as_user`, `invited_as_moderator`, `invited_as_admin`, `username_taken`, `email_taken`, `registration_closed`"},
	{UserUpdated, "username or email was changed or verified, or that was refused; or the account was enabled",
		"`enabled`, `username_changed`, `email_changed`, `email_change_requested`, `email_verified`, " +
			"`username_taken`, `email_taken`, `expired_token`, `unknown_token`, `unfit_token`"},
	{UserArchived, "an account was disabled", "`disabled`"},
	{UserDeleted, "an account was deleted", ""},
	{SensitiveRead, "all data of an account was exported", "`export`"},

	{SysStartup, "the server started", ""},
	{SysShutdown, "the server stopped; a start without a preceding stop means that it was killed", ""},
	{SysCrash, "a panic in a request or in background work; the server continues", "`panic`"},
	{MailFailed, "an email could not be delivered", "`mail_refused`, `mail_overdue`"},
}

// Events lists all events.
var Events = func() (list []Event) {
	for _, e := range events {
		list = append(list, e.event)
	}
	return list
}()

// An Outcome is the result of the attempt that an event records.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)
