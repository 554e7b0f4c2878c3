package audit

// An Event names what has happened, in the words of the OWASP Logging Vocabulary
// so that other programs know them. docs/audit.md says when each is recorded.
type Event string

// The events.
const (
	LoginSuccess          Event = "authn_login_success"
	LoginSuccessAfterFail Event = "authn_login_successafterfail" // the login before it was refused
	LoginFail             Event = "authn_login_fail"
	LoginFailMax          Event = "authn_login_fail_max" // too many failures on one account
	LoginLock             Event = "authn_login_lock"
	PasswordChange        Event = "authn_password_change"
	PasswordChangeFail    Event = "authn_password_change_fail"
	TokenCreated          Event = "authn_token_created" // a link that is mailed
	TokenRevoked          Event = "authn_token_revoked" // sessions ended from elsewhere
	TokenReuse            Event = "authn_token_reuse"   // used, replaced or revoked, and presented again

	AuthzFail   Event = "authz_fail"
	AuthzChange Event = "authz_change" // a role
	AuthzAdmin  Event = "authz_admin"  // anything else an administrator does to an account

	RateLimitExceeded Event = "excess_rate_limit_exceeded"

	MaliciousCSRF Event = "malicious_csrf"
	MaliciousCORS Event = "malicious_cors"
	SequenceFail  Event = "sequence_fail" // a step that must come before was left out

	SessionCreated        Event = "session_created"
	SessionRenewed        Event = "session_renewed" // under a new token
	SessionExpired        Event = "session_expired"
	SessionLogout         Event = "session_logout"
	SessionUseAfterExpire Event = "session_use_after_expire"

	UserCreated  Event = "user_created"
	UserUpdated  Event = "user_updated"
	UserArchived Event = "user_archived" // disabled
	UserDeleted  Event = "user_deleted"

	SensitiveRead Event = "sensitive_read" // everything about an account at once

	SysStartup  Event = "sys_startup"
	SysShutdown Event = "sys_shutdown"
	SysCrash    Event = "sys_crash" // a panic; the process goes on

	// MailFailed is none of OWASP's: a mail was given up.
	MailFailed Event = "mail_failed"
)

// Events lists them all, in the order above.
var Events = []Event{
	LoginSuccess, LoginSuccessAfterFail, LoginFail, LoginFailMax, LoginLock,
	PasswordChange, PasswordChangeFail, TokenCreated, TokenRevoked, TokenReuse,
	AuthzFail, AuthzChange, AuthzAdmin, RateLimitExceeded,
	MaliciousCSRF, MaliciousCORS, SequenceFail,
	SessionCreated, SessionRenewed, SessionExpired, SessionLogout, SessionUseAfterExpire,
	UserCreated, UserUpdated, UserArchived, UserDeleted, SensitiveRead,
	SysStartup, SysShutdown, SysCrash, MailFailed,
}

// An Outcome says whether what was tried was done.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)
