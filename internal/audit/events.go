package audit

// An Event is the name of an audit event. The names are from the OWASP Logging Vocabulary, which
// other programs know. docs/audit.md describes when each event is recorded.
type Event string

// The events.
const (
	LoginSuccess          Event = "authn_login_success"
	LoginSuccessAfterFail Event = "authn_login_successafterfail" // the login before it failed
	LoginFail             Event = "authn_login_fail"
	LoginFailMax          Event = "authn_login_fail_max" // too many failures for one account
	LoginLock             Event = "authn_login_lock"
	PasswordChange        Event = "authn_password_change"
	PasswordChangeFail    Event = "authn_password_change_fail"
	TokenCreated          Event = "authn_token_created" // a link was mailed
	TokenRevoked          Event = "authn_token_revoked" // sessions were ended from another session
	TokenReuse            Event = "authn_token_reuse"   // a used, replaced or revoked token was presented again

	AuthzFail   Event = "authz_fail"
	AuthzChange Event = "authz_change" // a role was changed
	AuthzAdmin  Event = "authz_admin"  // any other change of an account by an administrator

	RateLimitExceeded Event = "excess_rate_limit_exceeded"

	MaliciousCSRF Event = "malicious_csrf"
	MaliciousCORS Event = "malicious_cors"
	SequenceFail  Event = "sequence_fail" // a required previous step is missing

	SessionCreated        Event = "session_created"
	SessionRenewed        Event = "session_renewed" // with a new token
	SessionExpired        Event = "session_expired"
	SessionLogout         Event = "session_logout"
	SessionUseAfterExpire Event = "session_use_after_expire"

	UserCreated  Event = "user_created"
	UserUpdated  Event = "user_updated"
	UserArchived Event = "user_archived" // disabled
	UserDeleted  Event = "user_deleted"

	SensitiveRead Event = "sensitive_read" // all data of an account was exported

	SysStartup  Event = "sys_startup"
	SysShutdown Event = "sys_shutdown"
	SysCrash    Event = "sys_crash" // a panic, after which the process continues

	// MailFailed is not in the OWASP vocabulary: a mail could not be delivered.
	MailFailed Event = "mail_failed"
)

// Events lists all events in the order above.
var Events = []Event{
	LoginSuccess, LoginSuccessAfterFail, LoginFail, LoginFailMax, LoginLock,
	PasswordChange, PasswordChangeFail, TokenCreated, TokenRevoked, TokenReuse,
	AuthzFail, AuthzChange, AuthzAdmin, RateLimitExceeded,
	MaliciousCSRF, MaliciousCORS, SequenceFail,
	SessionCreated, SessionRenewed, SessionExpired, SessionLogout, SessionUseAfterExpire,
	UserCreated, UserUpdated, UserArchived, UserDeleted, SensitiveRead,
	SysStartup, SysShutdown, SysCrash, MailFailed,
}

// An Outcome is the result of the attempt that an event records.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)
