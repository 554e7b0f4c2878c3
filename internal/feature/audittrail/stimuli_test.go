package audittrail_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/ratelimit"
)

// A stimulus is something that people do, and what the trail must have of it,
// in order: the event, the outcome, the reason, and who did it to whom.
type stimulus struct {
	name string
	do   func(s *scene)
	want []string
}

// A scene has a person of its own, logged in, and a stranger.
type scene struct {
	*apptest.Harness
	name, id       string // of the person
	own, stranger  *apptest.Browser
	cookie         string // of own
	since, sinceAt int    // rows and lines before the stimulus
}

// begin forgets what has happened so far: the stimulus comes now.
func (s *scene) begin() {
	s.since, s.sinceAt = len(s.Recorded()), len(s.Logs.Events(s.T))
}

func (s *scene) address() string { return s.name + "@example.com" }

func (s *scene) mailed(kind mail.Kind) string {
	token := s.MailedToken(kind, s.address())
	s.begin()
	return token
}

func (s *scene) post(b *apptest.Browser, path string, body any, status int, edit ...func(*http.Request)) *apptest.Answer {
	s.T.Helper()
	a := b.Call("POST", path, body, edit...)
	if a.Status != status {
		s.T.Fatalf("%s: %d, want %d\n%s", a.What, a.Status, status, a.Body)
	}
	return a
}

func (s *scene) logIn(b *apptest.Browser, name, password string, status int) {
	s.T.Helper()
	s.post(b, "/auth/login", apptest.Members{"username": name, "password": password}, status)
}

// Who did something to whom: the person, nobody, a name that is nobody's.
const (
	selfSelf, strangerSelf, strangers = "self to self", "nobody to self", "nobody to nobody"
	strangerName                      = "nobody to a name"
)

var stimuli = []stimulus{
	{"a registration", func(s *scene) {
		s.stranger.Register("x" + s.name)
	}, []string{"user_created success registered, another to another"}},
	{"a registration of a name that is taken", func(s *scene) {
		s.post(s.stranger, "/auth/register", apptest.Members{"username": s.name, "email": "x" + s.address(), "password": apptest.GoodPassword}, 409)
	}, []string{"user_created failure username_taken, " + strangers}},
	{"a registration with an address that is taken", func(s *scene) {
		s.Accounts.Registration = "verified"
		s.post(s.stranger, "/auth/register", apptest.Members{"username": "x" + s.name, "email": s.address(), "password": apptest.GoodPassword}, 201)
	}, []string{"user_created failure email_taken, " + strangerSelf}},
	{"a registration where nobody may", func(s *scene) {
		s.Accounts.Registration = "closed"
		s.post(s.stranger, "/auth/register", apptest.Members{"username": "x" + s.name, "email": "x" + s.address(), "password": apptest.GoodPassword}, 403)
	}, []string{"user_created failure registration_closed, " + strangers}},
	{"a login", func(s *scene) {
		s.logIn(s.stranger, s.name, apptest.GoodPassword, 200)
	}, []string{"authn_login_success success , " + selfSelf, "session_created success , " + selfSelf}},
	{"a login with the wrong password", func(s *scene) {
		s.logIn(s.stranger, s.name, "wrong", 401)
	}, []string{"authn_login_fail failure invalid_credentials, " + strangerSelf}},
	{"a login with a name that is nobody's", func(s *scene) {
		s.logIn(s.stranger, "x"+s.name, apptest.GoodPassword, 401)
	}, []string{"authn_login_fail failure invalid_credentials, " + strangerName}},
	{"a login after a refused one", func(s *scene) {
		s.logIn(s.stranger, s.address(), "wrong", 401)
		s.begin()
		s.logIn(s.stranger, s.name, apptest.GoodPassword, 200)
	}, []string{"authn_login_successafterfail success , " + selfSelf, "session_created success , " + selfSelf}},
	{"the fifth failure in a row", func(s *scene) {
		s.failLogins(4)
		s.failLogins(1)
	}, []string{"authn_login_fail_max failure attempts_delayed, " + strangerSelf, "authn_login_fail failure invalid_credentials, " + strangerSelf}},
	{"the eleventh failure in a row", func(s *scene) {
		s.failLogins(10)
		s.failLogins(1)
	}, []string{"authn_login_lock failure longest_delay, " + strangerSelf, "authn_login_fail failure invalid_credentials, " + strangerSelf}},
	{"a login to a disabled account", func(s *scene) {
		s.Exec("UPDATE users SET disabled_at = created_at WHERE username = $1", s.name)
		s.logIn(s.stranger, s.name, apptest.GoodPassword, 403)
	}, []string{"authn_login_fail failure account_disabled, " + strangerSelf}},
	{"a login before the address is confirmed", func(s *scene) {
		s.Accounts.Registration = "verified"
		s.logIn(s.stranger, s.name, apptest.GoodPassword, 403)
	}, []string{"authn_login_fail failure email_unverified, " + strangerSelf}},
	{"a second login in one browser", func(s *scene) {
		s.logIn(s.own, s.name, apptest.GoodPassword, 200)
	}, []string{
		"authn_login_success success , " + selfSelf, "session_logout success new_login, " + selfSelf, "session_created success , " + selfSelf,
	}},
	{"a logout", func(s *scene) {
		s.post(s.own, "/auth/logout", nil, 200)
	}, []string{"session_logout success logout, " + selfSelf}},
	{"a logout of nobody", func(s *scene) {
		s.post(s.stranger, "/auth/logout", nil, 200)
	}, nil},
	{"a look at who is logged in", func(s *scene) {
		s.own.LoggedIn()
		s.stranger.LoggedIn()
		s.own.Call("GET", "/auth/profile", nil).Want(200, "")
	}, nil},
	{"a request that needs a login", func(s *scene) {
		s.stranger.Call("GET", "/auth/profile", nil).Want(401, "login_required")
	}, []string{"authz_fail failure login_required, " + strangers}},
	{"a change from a page elsewhere", func(s *scene) {
		s.post(s.own, "/auth/logout", nil, 403, apptest.Header("Sec-Fetch-Site", "cross-site"))
	}, []string{"malicious_csrf failure cross_origin_refused, " + strangers}},
	{"a read from a page elsewhere", func(s *scene) {
		s.own.Call("GET", "/auth/current_user", nil, apptest.Header("Origin", "https://evil.example")).Want(403, "cross_origin_refused")
	}, []string{"malicious_cors failure cross_origin_refused, " + strangers}},
	{"a reset that is asked for", func(s *scene) {
		s.post(s.stranger, "/auth/request_reset", apptest.Members{"email": s.address()}, 200)
	}, nil},
	{"a reset that is asked for and mailed", func(s *scene) {
		s.post(s.stranger, "/auth/request_reset", apptest.Members{"email": s.address()}, 200)
		s.Mails()
	}, []string{"authn_token_created success reset_password, " + strangerSelf}},
	{"a reset that is asked for an address that is nobody's", func(s *scene) {
		s.post(s.stranger, "/auth/request_reset", apptest.Members{"email": "x" + s.address()}, 200)
		s.Mails()
	}, nil},
	{"a reset", func(s *scene) {
		token := s.ResetToken(s.name)
		s.begin()
		s.post(s.stranger, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 200)
	}, []string{"authn_password_change success reset, " + selfSelf, "authn_token_revoked success sessions_ended, " + strangerSelf}},
	{"a reset with a used token", func(s *scene) {
		token := s.ResetToken(s.name)
		s.post(s.stranger, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 200)
		s.begin()
		s.post(s.stranger, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 400)
	}, []string{"authn_token_reuse failure replaced_token, " + strangerSelf}},
	{"a reset with a replaced token", func(s *scene) {
		token := s.ResetToken(s.name)
		s.Clock.Advance(time.Second)
		s.ResetToken(s.name)
		s.begin()
		s.post(s.stranger, "/auth/reset_password/"+token, apptest.Members{"password": apptest.NewPassword}, 400)
	}, []string{"authn_token_reuse failure replaced_token, " + strangerSelf}},
	{"a reset with an expired token", func(s *scene) {
		token := s.ResetToken(s.name)
		s.Clock.Advance(time.Hour)
		s.begin()
		s.post(s.stranger, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 400)
	}, []string{"authn_password_change_fail failure expired_token, " + strangerSelf}},
	{"a reset with a token that nobody got", func(s *scene) {
		s.post(s.stranger, "/auth/reset_password", apptest.Members{"token": strings.Repeat("x", 43), "password": apptest.NewPassword}, 400)
	}, []string{"authn_password_change_fail failure unknown_token, " + strangers}},
	{"a confirmation", func(s *scene) {
		s.post(s.stranger, "/auth/verify", apptest.Members{"token": s.mailed(mail.VerifyEmail)}, 200)
	}, []string{"user_updated success email_verified, " + selfSelf}},
	{"a confirmation with a used token", func(s *scene) {
		token := s.mailed(mail.VerifyEmail)
		s.post(s.stranger, "/auth/verify", apptest.Members{"token": token}, 200)
		s.begin()
		s.stranger.Call("GET", "/auth/verify/"+token, nil).Want(400, "invalid_token")
	}, []string{"authn_token_reuse failure used_token, " + strangerSelf}},
	{"a confirmation with another link's token", func(s *scene) {
		s.post(s.stranger, "/auth/confirm_email", apptest.Members{"token": s.mailed(mail.VerifyEmail)}, 400)
	}, []string{"user_updated failure unfit_token, " + strangerSelf}},
	{"a change of the address", func(s *scene) {
		s.own.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x" + s.address()}).Want(200, "")
	}, []string{"user_updated success email_changed, " + selfSelf}},
	{"a change of the address that must be confirmed", func(s *scene) {
		s.Accounts.Registration = "verified"
		s.own.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x" + s.address()}).Want(200, "")
		token := s.MailedToken(mail.ConfirmEmail, "x"+s.address())
		s.post(s.stranger, "/auth/confirm_email", apptest.Members{"token": token}, 200)
	}, []string{
		"user_updated success email_change_requested, " + selfSelf,
		"authn_token_created success change_email, " + strangerSelf, "user_updated success email_changed, " + selfSelf,
	}},
	{"a change of the name", func(s *scene) {
		s.own.Call("PUT", "/auth/update_profile", apptest.Members{"username": "x" + s.name}).Want(200, "")
	}, []string{"user_updated success username_changed, " + selfSelf}},
	{"a change to a name that is taken", func(s *scene) {
		s.stranger.Register("x" + s.name)
		s.begin()
		s.own.Call("PUT", "/auth/update_profile", apptest.Members{"username": "x" + s.name}).Want(409, "username_taken")
	}, []string{"user_updated failure username_taken, " + selfSelf}},
	{"a change of the address long after the login", func(s *scene) {
		s.Clock.Advance(11 * time.Minute)
		s.own.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x" + s.address()}).Want(403, "reauth_required")
	}, []string{"sequence_fail failure reauth_required, " + selfSelf}},
	{"a change of the password", func(s *scene) {
		s.own.Call("PUT", "/auth/change_password", apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}).Want(200, "")
	}, []string{"authn_password_change success changed, " + selfSelf, "session_renewed success , " + selfSelf}},
	{"a change of the password with two other sessions", func(s *scene) {
		s.Browser().Login(s.name)
		s.Browser().Login(s.name)
		s.begin()
		s.own.Call("PUT", "/auth/change_password", apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}).Want(200, "")
	}, []string{
		"authn_password_change success changed, " + selfSelf, "authn_token_revoked success sessions_ended, " + selfSelf + " and 1 more",
		"session_renewed success , " + selfSelf,
	}},
	{"a change of the password without knowing it", func(s *scene) {
		s.own.Call("PUT", "/auth/change_password", apptest.Members{"current_password": "wrong", "new_password": apptest.NewPassword}).Want(401, "current_password_incorrect")
	}, []string{"authn_password_change_fail failure current_password_incorrect, " + selfSelf}},
	{"a confirmed password", func(s *scene) {
		s.post(s.own, "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}, 200)
	}, []string{"session_renewed success , " + selfSelf}},
	{"a wrong password", func(s *scene) {
		s.post(s.own, "/auth/reauthenticate", apptest.Members{"password": "wrong"}, 401)
	}, []string{"authn_login_fail failure current_password_incorrect, " + selfSelf}},
	{"the end of one session", func(s *scene) {
		other := s.Browser()
		other.Login(s.name)
		s.begin()
		s.own.Call("DELETE", fmt.Sprintf("/auth/sessions/%d", other.SessionID()), nil).Want(200, "")
	}, []string{"authn_token_revoked success sessions_ended, " + selfSelf}},
	{"the end of the other sessions", func(s *scene) {
		s.Browser().Login(s.name)
		s.begin()
		s.own.Call("DELETE", "/auth/sessions", nil).Want(200, "")
	}, []string{"authn_token_revoked success sessions_ended, " + selfSelf}},
	{"the end of no sessions", func(s *scene) {
		s.own.Call("DELETE", "/auth/sessions", nil).Want(200, "")
	}, nil},
	{"a session that is swept", func(s *scene) {
		s.Clock.Advance(2 * time.Hour)
		s.sweep()
	}, []string{"session_expired success idle, " + strangerSelf}},
	{"an expired session", func(s *scene) {
		s.Clock.Advance(2 * time.Hour)
		s.own.LoggedIn()
	}, []string{"session_use_after_expire failure expired, " + strangerSelf}},
	{"an expired session that was swept", func(s *scene) {
		s.Clock.Advance(2 * time.Hour)
		s.sweep()
		s.begin()
		s.own.LoggedIn()
	}, []string{"session_use_after_expire failure expired, " + strangerSelf}},
	{"a session after its logout", func(s *scene) {
		s.post(s.own, "/auth/logout", nil, 200)
		s.begin()
		s.stranger.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(s.cookie)).Want(200, "")
	}, []string{"authn_token_reuse failure session_ended, " + strangerSelf}},
	{"a session under its old token", func(s *scene) {
		s.post(s.own, "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}, 200)
		s.begin()
		s.stranger.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(s.cookie)).Want(200, "")
	}, []string{"authn_token_reuse failure session_ended, " + strangerSelf}},
	{"a forged cookie", func(s *scene) {
		s.stranger.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(s.cookie+"x")).Want(200, "")
	}, nil},
	{"a deletion", func(s *scene) {
		s.own.DeleteAccount(apptest.GoodPassword).Want(200, "")
	}, []string{"user_deleted success , " + selfSelf}},
	{"a deletion with the wrong password", func(s *scene) {
		s.own.DeleteAccount("wrong").Want(401, "current_password_incorrect")
	}, []string{"authn_login_fail failure current_password_incorrect, " + selfSelf}},
	{"an export", func(s *scene) {
		s.own.Call("GET", "/auth/export", nil).Want(200, "")
	}, []string{"sensitive_read success export, " + selfSelf}},
	{"another role", func(s *scene) {
		s.byAdmin("PUT", "/role", apptest.Members{"role": "admin"})
	}, []string{"authz_change success user_to_admin, another to self"}},
	{"an account that is disabled", func(s *scene) {
		s.byAdmin("POST", "/disable", nil)
	}, []string{"user_archived success disabled, another to self", "authn_token_revoked success sessions_ended, another to self"}},
	{"a link that an administrator sends", func(s *scene) {
		s.byAdmin("POST", "/reset_password", nil)
	}, []string{"authz_admin success link_sent, another to self"}},
	{"a role that does not suffice", func(s *scene) {
		s.own.Call("GET", "/auth/admin/audit", nil).Want(403, "forbidden")
	}, []string{"authz_fail failure forbidden, " + selfSelf}},
	{"a panic", func(s *scene) {
		passwords := s.Passwords()
		defer func() { s.SetPasswords(passwords) }()
		s.SetPasswords(nil)
		s.logIn(s.stranger, s.name, apptest.GoodPassword, 500)
	}, []string{"sys_crash failure panic, " + strangers}},
}

// elsewhere are the events that no request to this server causes.
var elsewhere = map[audit.Event]string{
	audit.SysStartup:  "cmd/techtreks: TestStartAndStopAreInTheTrail",
	audit.SysShutdown: "cmd/techtreks: TestStartAndStopAreInTheTrail",
	audit.MailFailed:  "internal/mail: TestWorker_PermanentRefusalIsNotRetried",

	audit.RateLimitExceeded: "TestALimitThatIsReachedIsInTheTrail",
}

// byAdmin has an administrator do something to the person.
func (s *scene) byAdmin(method, path string, body any) {
	s.T.Helper()
	admin := s.Admin("a" + s.name)
	s.begin()
	admin.Call(method, "/auth/admin/users/"+s.id+path, body).Want(200, "")
}

// failLogins fails so often, with the failures counted, and waits after each.
func (s *scene) failLogins(times int) {
	s.T.Helper()
	s.CountAttempts()
	s.begin()
	for range times {
		s.logIn(s.stranger, s.name, "wrong", 401)
		s.Clock.Advance(ratelimit.MaxDelay)
	}
}

func (s *scene) sweep() {
	s.T.Helper()
	if _, err := s.Sessions.Sweep(s.T.Context()); err != nil {
		s.T.Fatal(err)
	}
}

// happened is what was recorded since the scene began, as the table has it. It
// fails the test unless each row has its line.
func (s *scene) happened() (got []string) {
	s.T.Helper()
	rows, lines := s.Recorded()[s.since:], s.Logs.Events(s.T)[s.sinceAt:]
	if len(rows) != len(lines) {
		s.T.Errorf("%s: %d rows and %d lines", s.T.Name(), len(rows), len(lines))
		return nil
	}
	who := func(number string) string {
		switch number {
		case "<nil>":
			return "nobody"
		case s.id:
			return "self"
		}
		return "another"
	}
	for i, row := range rows {
		subject := who(row["user_id"])
		if row["user_hash"] != "<nil>" {
			subject = "a name"
		}
		text := fmt.Sprintf("%s %s %s, %s to %s", row["event"], row["outcome"], row["reason"], who(row["actor_id"]), subject)
		if row["repeats"] != "0" {
			text += " and " + row["repeats"] + " more"
		}
		got = append(got, text)
		for _, name := range []string{"event", "outcome", "reason", "operation", "ip", "user_agent", "request_id"} {
			if row[name] != lines[i][name] {
				s.T.Errorf("%s: %s is %q in the row and %q in the line", text, name, row[name], lines[i][name])
			}
		}
		wantLine(s.T, lines[i])
	}
	return got
}

// wantLine checks that a line says when, what, who, where and how it ended.
func wantLine(t testing.TB, line map[string]any) {
	t.Helper()
	for _, name := range []string{"level", "event", "outcome", "reason", "operation", "user_hash", "ip", "user_agent", "request_id", "session_hash"} {
		if _, ok := line[name].(string); !ok {
			t.Errorf("%s is missing: %v", name, line)
		}
	}
	for _, name := range []string{"actor_id", "user_id", "repeats"} {
		if _, ok := line[name].(float64); !ok {
			t.Errorf("%s is missing: %v", name, line)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line["time"])); err != nil {
		t.Errorf("time: %v", err)
	}
}
