package audittrail_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/ratelimit"
)

// A scenario is a set of requests and the events that must be recorded for them, in order:
// event, outcome, reason, and the actor and subject as in the constants below.
type scenario struct {
	name string
	do   func(s *actors)
	want []string
}

// actors are the participants of one scenario: a logged-in user with an account for this
// scenario, and an anonymous client.
type actors struct {
	*apptest.Harness
	name, id     string // of the user's account
	user, client *apptest.Browser
	cookie       string // of the user
	rows, lines  int    // recorded before the scenario
}

// skip leaves out what has been recorded so far, which belongs to the preparation.
func (s *actors) skip() {
	s.rows, s.lines = len(s.Recorded()), len(s.Logs.Events(s.T))
}

func (s *actors) address() string { return s.name + "@example.com" }

// mailed returns the token in the newest mail to the user. Sending the mail is preparation.
func (s *actors) mailed(kind mail.Kind) string {
	token := s.MailedToken(kind, s.address())
	s.skip()
	return token
}

func (s *actors) post(b *apptest.Browser, path string, body any, status int, edit ...func(*http.Request)) *apptest.Answer {
	s.T.Helper()
	a := b.Call("POST", path, body, edit...)
	if a.Status != status {
		s.T.Fatalf("%s: got %d, want %d\n%s", a.What, a.Status, status, a.Body)
	}
	return a
}

func (s *actors) logIn(b *apptest.Browser, name, password string, status int) {
	s.T.Helper()
	s.post(b, "/auth/login", apptest.Members{"username": name, "password": password}, status)
}

// Actor and subject of an event: self is the user of the scenario, another any other
// account. A failed login with an unknown username has its hash instead of a subject.
const (
	selfOnSelf         = "self on self"
	anonymousOnSelf    = "anonymous on self"
	anonymousOnNone    = "anonymous on none"
	anonymousOnUnknown = "anonymous on unknown username"
)

var scenarios = []scenario{
	{"register", func(s *actors) {
		s.client.Register("x" + s.name)
	}, []string{"user_created success registered, another on another"}},
	{"register taken username", func(s *actors) {
		s.post(s.client, "/auth/register", apptest.Members{"username": s.name, "email": "x" + s.address(), "password": apptest.GoodPassword}, 409)
	}, []string{"user_created failure username_taken, " + anonymousOnNone}},
	{"register taken email in verified mode", func(s *actors) {
		s.Accounts.Registration = "verified"
		s.post(s.client, "/auth/register", apptest.Members{"username": "x" + s.name, "email": s.address(), "password": apptest.GoodPassword}, 201)
	}, []string{"user_created failure email_taken, " + anonymousOnSelf}},
	{"register in closed mode", func(s *actors) {
		s.Accounts.Registration = "closed"
		s.post(s.client, "/auth/register", apptest.Members{"username": "x" + s.name, "email": "x" + s.address(), "password": apptest.GoodPassword}, 403)
	}, []string{"user_created failure registration_closed, " + anonymousOnNone}},
	{"login", func(s *actors) {
		s.logIn(s.client, s.name, apptest.GoodPassword, 200)
	}, []string{"authn_login_success success , " + selfOnSelf, "session_created success , " + selfOnSelf}},
	{"login with wrong password", func(s *actors) {
		s.logIn(s.client, s.name, "wrong", 401)
	}, []string{"authn_login_fail failure invalid_credentials, " + anonymousOnSelf}},
	{"login with unknown username", func(s *actors) {
		s.logIn(s.client, "x"+s.name, apptest.GoodPassword, 401)
	}, []string{"authn_login_fail failure invalid_credentials, " + anonymousOnUnknown}},
	{"login after a failed one", func(s *actors) {
		s.logIn(s.client, s.address(), "wrong", 401)
		s.skip()
		s.logIn(s.client, s.name, apptest.GoodPassword, 200)
	}, []string{"authn_login_successafterfail success , " + selfOnSelf, "session_created success , " + selfOnSelf}},
	{"fifth failed login in a row", func(s *actors) {
		s.failLogins(4)
		s.failLogins(1)
	}, []string{"authn_login_fail_max failure attempts_delayed, " + anonymousOnSelf, "authn_login_fail failure invalid_credentials, " + anonymousOnSelf}},
	{"eleventh failed login in a row", func(s *actors) {
		s.failLogins(10)
		s.failLogins(1)
	}, []string{"authn_login_lock failure longest_delay, " + anonymousOnSelf, "authn_login_fail failure invalid_credentials, " + anonymousOnSelf}},
	{"login to disabled account", func(s *actors) {
		s.Exec("UPDATE users SET disabled_at = created_at WHERE username = $1", s.name)
		s.logIn(s.client, s.name, apptest.GoodPassword, 403)
	}, []string{"authn_login_fail failure account_disabled, " + anonymousOnSelf}},
	{"login before verification in verified mode", func(s *actors) {
		s.Accounts.Registration = "verified"
		s.logIn(s.client, s.name, apptest.GoodPassword, 403)
	}, []string{"authn_login_fail failure email_unverified, " + anonymousOnSelf}},
	{"second login in one browser", func(s *actors) {
		s.logIn(s.user, s.name, apptest.GoodPassword, 200)
	}, []string{
		"authn_login_success success , " + selfOnSelf, "session_logout success new_login, " + selfOnSelf, "session_created success , " + selfOnSelf,
	}},
	{"logout", func(s *actors) {
		s.post(s.user, "/auth/logout", nil, 200)
	}, []string{"session_logout success logout, " + selfOnSelf}},
	{"logout without session", func(s *actors) {
		s.post(s.client, "/auth/logout", nil, 200)
	}, nil},
	{"current user and profile", func(s *actors) {
		s.user.LoggedIn()
		s.client.LoggedIn()
		s.user.Call("GET", "/auth/profile", nil).Want(200, "")
	}, nil},
	{"profile without session", func(s *actors) {
		s.client.Call("GET", "/auth/profile", nil).Want(401, "login_required")
	}, []string{"authz_fail failure login_required, " + anonymousOnNone}},
	{"cross-site change", func(s *actors) {
		s.post(s.user, "/auth/logout", nil, 403, apptest.Header("Sec-Fetch-Site", "cross-site"))
	}, []string{"malicious_csrf failure cross_origin_refused, " + anonymousOnNone}},
	{"cross-origin read", func(s *actors) {
		s.user.Call("GET", "/auth/current_user", nil, apptest.Header("Origin", "https://evil.example")).Want(403, "cross_origin_refused")
	}, []string{"malicious_cors failure cross_origin_refused, " + anonymousOnNone}},
	{"request reset", func(s *actors) {
		s.post(s.client, "/auth/request_reset", apptest.Members{"email": s.address()}, 200)
	}, nil},
	{"request reset and send mail", func(s *actors) {
		s.post(s.client, "/auth/request_reset", apptest.Members{"email": s.address()}, 200)
		s.Mails()
	}, []string{"authn_token_created success reset_password, " + anonymousOnSelf}},
	{"request reset for unknown address", func(s *actors) {
		s.post(s.client, "/auth/request_reset", apptest.Members{"email": "x" + s.address()}, 200)
		s.Mails()
	}, nil},
	{"reset password", func(s *actors) {
		token := s.ResetToken(s.name)
		s.skip()
		s.post(s.client, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 200)
	}, []string{"authn_password_change success reset, " + selfOnSelf, "authn_token_revoked success sessions_ended, " + anonymousOnSelf}},
	{"reset password with used token", func(s *actors) {
		token := s.ResetToken(s.name)
		s.post(s.client, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 200)
		s.skip()
		s.post(s.client, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 400)
	}, []string{"authn_token_reuse failure replaced_token, " + anonymousOnSelf}},
	{"reset password with replaced token", func(s *actors) {
		token := s.ResetToken(s.name)
		s.Clock.Advance(time.Second)
		s.ResetToken(s.name)
		s.skip()
		s.post(s.client, "/auth/reset_password/"+token, apptest.Members{"password": apptest.NewPassword}, 400)
	}, []string{"authn_token_reuse failure replaced_token, " + anonymousOnSelf}},
	{"reset password with expired token", func(s *actors) {
		token := s.ResetToken(s.name)
		s.Clock.Advance(time.Hour)
		s.skip()
		s.post(s.client, "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}, 400)
	}, []string{"authn_password_change_fail failure expired_token, " + anonymousOnSelf}},
	{"reset password with unknown token", func(s *actors) {
		s.post(s.client, "/auth/reset_password", apptest.Members{"token": strings.Repeat("x", 43), "password": apptest.NewPassword}, 400)
	}, []string{"authn_password_change_fail failure unknown_token, " + anonymousOnNone}},
	{"verify email", func(s *actors) {
		s.post(s.client, "/auth/verify", apptest.Members{"token": s.mailed(mail.VerifyEmail)}, 200)
	}, []string{"user_updated success email_verified, " + selfOnSelf}},
	{"verify email with used token", func(s *actors) {
		token := s.mailed(mail.VerifyEmail)
		s.post(s.client, "/auth/verify", apptest.Members{"token": token}, 200)
		s.skip()
		s.client.Call("GET", "/auth/verify/"+token, nil).Want(400, "invalid_token")
	}, []string{"authn_token_reuse failure used_token, " + anonymousOnSelf}},
	{"confirm email with token for another purpose", func(s *actors) {
		s.post(s.client, "/auth/confirm_email", apptest.Members{"token": s.mailed(mail.VerifyEmail)}, 400)
	}, []string{"user_updated failure unfit_token, " + anonymousOnSelf}},
	{"change email", func(s *actors) {
		s.user.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x" + s.address()}).Want(200, "")
	}, []string{"user_updated success email_changed, " + selfOnSelf}},
	{"change email in verified mode", func(s *actors) {
		s.Accounts.Registration = "verified"
		s.user.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x" + s.address()}).Want(200, "")
		token := s.MailedToken(mail.ConfirmEmail, "x"+s.address())
		s.post(s.client, "/auth/confirm_email", apptest.Members{"token": token}, 200)
	}, []string{
		"user_updated success email_change_requested, " + selfOnSelf,
		"authn_token_created success change_email, " + anonymousOnSelf, "user_updated success email_changed, " + selfOnSelf,
	}},
	{"change username", func(s *actors) {
		s.user.Call("PUT", "/auth/update_profile", apptest.Members{"username": "x" + s.name}).Want(200, "")
	}, []string{"user_updated success username_changed, " + selfOnSelf}},
	{"change username to a taken one", func(s *actors) {
		s.client.Register("x" + s.name)
		s.skip()
		s.user.Call("PUT", "/auth/update_profile", apptest.Members{"username": "x" + s.name}).Want(409, "username_taken")
	}, []string{"user_updated failure username_taken, " + selfOnSelf}},
	{"change email long after the login", func(s *actors) {
		s.Clock.Advance(11 * time.Minute)
		s.user.Call("PUT", "/auth/update_profile", apptest.Members{"email": "x" + s.address()}).Want(403, "reauth_required")
	}, []string{"sequence_fail failure reauth_required, " + selfOnSelf}},
	{"change password", func(s *actors) {
		s.user.Call("PUT", "/auth/change_password", apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}).Want(200, "")
	}, []string{"authn_password_change success changed, " + selfOnSelf, "session_renewed success , " + selfOnSelf}},
	{"change password with two other sessions", func(s *actors) {
		s.Browser().Login(s.name)
		s.Browser().Login(s.name)
		s.skip()
		s.user.Call("PUT", "/auth/change_password", apptest.Members{"current_password": apptest.GoodPassword, "new_password": apptest.NewPassword}).Want(200, "")
	}, []string{
		"authn_password_change success changed, " + selfOnSelf, "authn_token_revoked success sessions_ended, " + selfOnSelf + " and 1 more",
		"session_renewed success , " + selfOnSelf,
	}},
	{"change password with wrong current password", func(s *actors) {
		s.user.Call("PUT", "/auth/change_password", apptest.Members{"current_password": "wrong", "new_password": apptest.NewPassword}).Want(401, "current_password_incorrect")
	}, []string{"authn_password_change_fail failure current_password_incorrect, " + selfOnSelf}},
	{"reauthenticate", func(s *actors) {
		s.post(s.user, "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}, 200)
	}, []string{"session_renewed success , " + selfOnSelf}},
	{"reauthenticate with wrong password", func(s *actors) {
		s.post(s.user, "/auth/reauthenticate", apptest.Members{"password": "wrong"}, 401)
	}, []string{"authn_login_fail failure current_password_incorrect, " + selfOnSelf}},
	{"end one session", func(s *actors) {
		other := s.Browser()
		other.Login(s.name)
		s.skip()
		s.user.Call("DELETE", fmt.Sprintf("/auth/sessions/%d", other.SessionID()), nil).Want(200, "")
	}, []string{"authn_token_revoked success sessions_ended, " + selfOnSelf}},
	{"end other sessions", func(s *actors) {
		s.Browser().Login(s.name)
		s.skip()
		s.user.Call("DELETE", "/auth/sessions", nil).Want(200, "")
	}, []string{"authn_token_revoked success sessions_ended, " + selfOnSelf}},
	{"end other sessions without any", func(s *actors) {
		s.user.Call("DELETE", "/auth/sessions", nil).Want(200, "")
	}, nil},
	{"sweep of an idle session", func(s *actors) {
		s.Clock.Advance(2 * time.Hour)
		s.sweep()
	}, []string{"session_expired success idle, " + anonymousOnSelf}},
	{"request with expired session", func(s *actors) {
		s.Clock.Advance(2 * time.Hour)
		s.user.LoggedIn()
	}, []string{"session_use_after_expire failure expired, " + anonymousOnSelf}},
	{"request with swept session", func(s *actors) {
		s.Clock.Advance(2 * time.Hour)
		s.sweep()
		s.skip()
		s.user.LoggedIn()
	}, []string{"session_use_after_expire failure expired, " + anonymousOnSelf}},
	{"request after logout", func(s *actors) {
		s.post(s.user, "/auth/logout", nil, 200)
		s.skip()
		s.client.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(s.cookie)).Want(200, "")
	}, []string{"authn_token_reuse failure session_ended, " + anonymousOnSelf}},
	{"request with replaced session token", func(s *actors) {
		s.post(s.user, "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}, 200)
		s.skip()
		s.client.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(s.cookie)).Want(200, "")
	}, []string{"authn_token_reuse failure session_ended, " + anonymousOnSelf}},
	{"request with forged cookie", func(s *actors) {
		s.client.Call("GET", "/auth/current_user", nil, apptest.SessionCookie(s.cookie+"x")).Want(200, "")
	}, nil},
	{"delete account", func(s *actors) {
		s.user.DeleteAccount(apptest.GoodPassword).Want(200, "")
	}, []string{"user_deleted success , " + selfOnSelf}},
	{"delete account with wrong password", func(s *actors) {
		s.user.DeleteAccount("wrong").Want(401, "current_password_incorrect")
	}, []string{"authn_login_fail failure current_password_incorrect, " + selfOnSelf}},
	{"export account", func(s *actors) {
		s.user.Call("GET", "/auth/export", nil).Want(200, "")
	}, []string{"sensitive_read success export, " + selfOnSelf}},
	{"set user role", func(s *actors) {
		s.byAdmin("PUT", "/role", apptest.Members{"role": "admin"})
	}, []string{"authz_change success user_to_admin, another on self"}},
	{"disable user", func(s *actors) {
		s.byAdmin("POST", "/disable", nil)
	}, []string{"user_archived success disabled, another on self", "authn_token_revoked success sessions_ended, another on self"}},
	{"send password reset", func(s *actors) {
		s.byAdmin("POST", "/reset_password", nil)
	}, []string{"authz_admin success link_sent, another on self"}},
	{"list audit events without the role", func(s *actors) {
		s.user.Call("GET", "/auth/admin/audit", nil).Want(403, "forbidden")
	}, []string{"authz_fail failure forbidden, " + selfOnSelf}},
	{"panic", func(s *actors) {
		passwords := s.Passwords()
		defer func() { s.SetPasswords(passwords) }()
		s.SetPasswords(nil)
		s.logIn(s.client, s.name, apptest.GoodPassword, 500)
	}, []string{"sys_crash failure panic, " + anonymousOnNone}},
}

// byAdmin calls an operation on the user's account as an administrator.
func (s *actors) byAdmin(method, path string, body any) {
	s.T.Helper()
	admin := s.Admin("a" + s.name)
	s.skip()
	admin.Call(method, "/auth/admin/users/"+s.id+path, body).Want(200, "")
}

// failLogins makes failed logins, counts them and waits for the delay after each.
func (s *actors) failLogins(times int) {
	s.T.Helper()
	s.CountAttempts()
	s.skip()
	for range times {
		s.logIn(s.client, s.name, "wrong", 401)
		s.Clock.Advance(ratelimit.MaxDelay)
	}
}

func (s *actors) sweep() {
	s.T.Helper()
	if _, err := s.Sessions.Sweep(s.T.Context()); err != nil {
		s.T.Fatal(err)
	}
}

// recorded returns the events since skip in the form of scenario.want. It fails the test
// unless each row has a line of the log with the same values.
func (s *actors) recorded() (got []string) {
	s.T.Helper()
	rows, lines := s.Recorded()[s.rows:], s.Logs.Events(s.T)[s.lines:]
	if len(rows) != len(lines) {
		s.T.Errorf("%s: got %d rows and %d lines, want as many", s.T.Name(), len(rows), len(lines))
		return nil
	}
	account := func(id, null string) string {
		switch id {
		case "<nil>":
			return null
		case s.id:
			return "self"
		}
		return "another"
	}
	for i, row := range rows {
		subject := account(row["user_id"], "none")
		if row["user_hash"] != "<nil>" {
			subject = "unknown username"
		}
		text := fmt.Sprintf("%s %s %s, %s on %s", row["event"], row["outcome"], row["reason"], account(row["actor_id"], "anonymous"), subject)
		if row["repeats"] != "0" {
			text += " and " + row["repeats"] + " more"
		}
		got = append(got, text)
		for _, name := range []string{"event", "outcome", "reason", "operation", "ip", "user_agent", "request_id"} {
			if row[name] != lines[i][name] {
				s.T.Errorf("%s: %s: got %q in the line, want %q as in the row", text, name, lines[i][name], row[name])
			}
		}
		wantLine(s.T, lines[i])
	}
	return got
}

// wantLine checks that a line has the members for time, event, actor, client and outcome.
func wantLine(t testing.TB, line map[string]any) {
	t.Helper()
	for _, name := range []string{"level", "event", "outcome", "reason", "operation", "user_hash", "ip", "user_agent", "request_id", "session_hash"} {
		if _, ok := line[name].(string); !ok {
			t.Errorf("the line lacks %s: %v", name, line)
		}
	}
	for _, name := range []string{"actor_id", "user_id", "repeats"} {
		if _, ok := line[name].(float64); !ok {
			t.Errorf("the line lacks %s: %v", name, line)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line["time"])); err != nil {
		t.Errorf("time: got %v, want RFC 3339: %v", line["time"], err)
	}
}
