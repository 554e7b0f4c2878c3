package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// age is how long ago the person logged in.
const (
	barelyFresh = 10*time.Minute - time.Microsecond
	stale       = 10 * time.Minute
)

// removePassword makes an account one that has no password.
func removePassword(h *apptest.Harness, username string) {
	h.T.Helper()
	h.Exec("UPDATE users SET password_hash = NULL WHERE username_key = $1", username)
}

func TestDeleteAccount_NeedsFreshLoginOrPassword(t *testing.T) {
	with := func(password any) any { return apptest.Members{"password": password} }
	tests := map[string]struct {
		age     time.Duration
		without bool // the account has no password
		body    any  // nil for none
		status  int
		code    string
	}{
		"fresh, no body":                           {0, false, nil, 200, ""},
		"fresh, no member":                         {barelyFresh, false, apptest.Members{}, 200, ""},
		"fresh, password":                          {0, false, with(apptest.GoodPassword), 200, ""},
		"fresh, wrong password":                    {0, false, with("wrong"), 401, "current_password_incorrect"},
		"fresh, empty password":                    {0, false, with(""), 400, "invalid_fields"},
		"fresh, null as password":                  {0, false, with(nil), 400, "invalid_fields"},
		"fresh, unknown member":                    {0, false, apptest.Members{"confirm": true}, 400, "invalid_fields"},
		"fresh, null":                              {0, false, "null", 400, "malformed_body"},
		"fresh, a list":                            {0, false, "[]", 400, "malformed_body"},
		"fresh, half a body":                       {0, false, "{", 400, "malformed_body"},
		"fresh, spaces":                            {0, false, "  ", 400, "malformed_body"},
		"stale, no body":                           {stale, false, nil, 403, "reauth_required"},
		"stale, no member":                         {stale, false, apptest.Members{}, 403, "reauth_required"},
		"stale, password":                          {stale, false, with(apptest.GoodPassword), 200, ""},
		"stale, wrong password":                    {stale, false, with("wrong"), 401, "current_password_incorrect"},
		"stale, empty password":                    {stale, false, with(""), 400, "invalid_fields"},
		"account without password, fresh":          {0, true, apptest.Members{}, 200, ""},
		"account without password, fresh, a guess": {0, true, with(apptest.GoodPassword), 401, "current_password_incorrect"},
		"account without password, stale":          {stale, true, nil, 403, "reauth_required"},
		"account without password, stale, a guess": {stale, true, with(apptest.GoodPassword), 401, "current_password_incorrect"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b := h.Browser()
				b.Register("alice")
				b.Login("alice")
				if test.without {
					removePassword(h, "alice")
				}
				before := h.Dump("last_seen_at")
				h.Clock.Advance(test.age)
				a := b.Call("DELETE", "/auth/account", test.body).Want(test.status, test.code)
				if test.status == 200 {
					if n := h.Count("SELECT count(*) FROM users"); n != 0 || b.LoggedIn() {
						t.Errorf("%d accounts are left, or the session", n)
					}
				} else if h.Dump("last_seen_at") != before || a.Cookie() != "" || !b.LoggedIn() {
					t.Error("a refusal has changed something")
				}
			})
		})
	}
}

// A body may be missing. One that is there is JSON, and declared as such.
func TestDeleteAccount_ChecksTheBodyThatItGets(t *testing.T) {
	bodies := map[string]struct {
		text   string
		status int
	}{
		"no length":                   {"\r\n", 200},
		"length of zero":              {"Content-Length: 0\r\n\r\n", 200},
		"length of zero, media type":  {"Content-Type: application/json\r\nContent-Length: 0\r\n\r\n", 200},
		"length of zero, other type":  {"Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n", 200},
		"an object":                   {"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 200},
		"an object in chunks":         {"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200},
		"no chunks":                   {"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"an object without type":      {"Content-Length: 2\r\n\r\n{}", 415},
		"an object of the wrong type": {"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415},
		"two values":                  {"Content-Type: application/json\r\nContent-Length: 4\r\n\r\n{}{}", 400},
		"one name twice":              {"Content-Type: application/json\r\nContent-Length: 29\r\n\r\n{\"password\":\"a\",\"password\":0}", 400},
		"longer than a body can be":   {"Content-Type: application/json\r\nContent-Length: 65537\r\n\r\n" + strings.Repeat(" ", 65537), 413},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.VerifyResponses = true
		for name, body := range apptest.InOrder(bodies) {
			h.Exec("DELETE FROM users")
			b := h.Browser()
			b.Register("alice")
			cookie := b.Login("alice").Cookie()
			status := h.Raw("DELETE /auth/account HTTP/1.1\r\nHost: localhost\r\nCookie: session=" + cookie + "\r\n" + body.text)
			if left := h.Count("SELECT count(*) FROM users"); status != body.status || left != 0 && status == 200 || left != 1 && status != 200 {
				t.Errorf("%s: %d, want %d; %d accounts left", name, status, body.status, left)
			}
		}
		if n := h.Violations(); n != 0 {
			t.Errorf("%d answers break the contract", n)
		}
	})
}

func TestDeleteAccount_TwoCookiesOrQueryAreNoConfirmation(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		cookie := b.Login("alice").Cookie()
		b.Call("DELETE", "/auth/account?password=x", nil).Want(400, "invalid_fields")
		h.Browser().Call("DELETE", "/auth/account", nil, apptest.Header("Cookie", "session="+cookie+"; session=x")).Want(400, "ambiguous_session")
		h.Browser().Call("DELETE", "/auth/account", nil).Want(401, "login_required")
		if !b.LoggedIn() {
			t.Error("a refusal has ended the session")
		}
	})
}

// Confirming the password makes the login fresh, for each operation that asks for it.
func TestReauthenticate_AllowsDeletionWithoutPassword(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Clock.Advance(stale)
		b.Call("DELETE", "/auth/account", nil).Want(403, "reauth_required")
		b.Call("POST", "/auth/reauthenticate", apptest.Members{"password": apptest.GoodPassword}).Want(200, "")
		h.Clock.Advance(barelyFresh)
		b.Call("DELETE", "/auth/account", nil).Want(200, "")
	})
}

func TestUpdateProfile_AccountWithoutPasswordNeedsFreshLogin(t *testing.T) {
	change := apptest.Members{"email": "alice@new.example"}
	guess := apptest.Members{"email": "alice@new.example", "current_password": apptest.GoodPassword}
	tests := map[string]struct {
		age    time.Duration
		change apptest.Members
		status int
		code   string
	}{
		"fresh":              {barelyFresh, change, 200, ""},
		"fresh, a guess":     {0, guess, 401, "current_password_incorrect"},
		"stale":              {stale, change, 403, "reauth_required"},
		"stale, a guess":     {stale, guess, 401, "current_password_incorrect"},
		"stale, a name":      {stale, apptest.Members{"username": "alice.b"}, 200, ""},
		"stale, same email":  {stale, apptest.Members{"email": "alice@example.com"}, 200, ""},
		"stale, empty guess": {stale, apptest.Members{"email": "alice@new.example", "current_password": ""}, 400, "invalid_fields"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b := h.Browser()
				b.Register("alice")
				b.Login("alice")
				removePassword(h, "alice")
				before := h.Dump("last_seen_at")
				h.Clock.Advance(test.age)
				b.UpdateProfile(test.change).Want(test.status, test.code)
				if test.status != 200 && h.Dump("last_seen_at") != before {
					t.Error("a refusal has changed the database")
				}
			})
		})
	}
}

// The answer is the one of a schema that requires the member, to the byte.
func TestChangePassword_MissingCurrentPassword(t *testing.T) {
	const want = `{"ok":false,"error":"Current and new password required","code":"missing_fields","request_id":"","fields":[{"field":"current_password","code":"required","message":"current_password is required"}]}`
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		before := h.Dump("last_seen_at")
		for range 2 { // a fresh login, and then a stale one
			for _, current := range []string{``, `"current_password":"",`, `"current_password":null,`} {
				a := b.Call("PUT", "/auth/change_password", `{`+current+`"new_password":"`+apptest.NewPassword+`"}`).Want(400, "missing_fields")
				if got := strings.Replace(string(a.Body), a.Header.Get("X-Request-Id"), "", 1); got != want {
					t.Errorf("%s: got %s", current, got)
				}
			}
			h.Clock.Advance(stale)
		}
		if h.Dump("last_seen_at") != before || h.Count("SELECT count(*) FROM audit_events WHERE event LIKE 'authn_password%'") != 0 {
			t.Error("a refusal has changed something")
		}
	})
}

func TestChangePassword_AccountWithoutPasswordNeedsFreshLogin(t *testing.T) {
	sets := func(current any) apptest.Members {
		return apptest.Members{"current_password": current, "new_password": apptest.NewPassword}
	}
	tests := map[string]struct {
		age    time.Duration
		body   apptest.Members
		status int
		code   string
	}{
		"fresh":                   {barelyFresh, apptest.Members{"new_password": apptest.NewPassword}, 200, ""},
		"fresh, empty":            {0, sets(""), 200, ""},
		"fresh, null":             {0, sets(nil), 200, ""},
		"fresh, a guess":          {0, sets(apptest.GoodPassword), 401, "current_password_incorrect"},
		"fresh, a weak password":  {0, apptest.Members{"new_password": "Password1!"}, 400, "invalid_fields"},
		"fresh, too long a guess": {0, sets(strings.Repeat("x", 1025)), 400, "invalid_fields"},
		"stale":                   {stale, apptest.Members{"new_password": apptest.NewPassword}, 403, "reauth_required"},
		"stale, empty":            {stale, sets(""), 403, "reauth_required"},
		"stale, a weak password":  {stale, apptest.Members{"new_password": "Password1!"}, 403, "reauth_required"},
		"stale, a guess":          {stale, sets(apptest.GoodPassword), 401, "current_password_incorrect"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b, other := h.Browser(), h.Browser()
				b.Register("alice")
				old := b.Login("alice").Cookie()
				other.Login("alice")
				removePassword(h, "alice")
				h.Drain()
				before := h.Dump("last_seen_at")
				h.Clock.Advance(test.age)
				a := b.Call("PUT", "/auth/change_password", test.body).Want(test.status, test.code)
				if test.status != 200 {
					if h.Dump("last_seen_at") != before || a.Cookie() != "" || !b.LoggedIn() || !other.LoggedIn() {
						t.Error("a refusal has changed something")
					}
					return
				}
				if !b.LoggedIn() || other.LoggedIn() || a.Cookie() == "" || a.Cookie() == old {
					t.Error("another session goes on, or this one has kept its token or ended")
				}
				if got := strings.Join(h.Queued(), ", "); got != string(mail.PasswordChanged)+" to alice@example.com" {
					t.Errorf("these mails wait: %s", got)
				}
				if !h.LoginWith("alice", apptest.NewPassword) {
					t.Error("the password does not log in")
				}
				// It has a password now, and the login that set it is as old as before.
				b.Call("PUT", "/auth/change_password", apptest.Members{"new_password": "An0ther-road!"}).Want(400, "missing_fields")
			})
		})
	}
}

func TestGetProfile_ShowsWhetherThereIsAPassword(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		b.Call("GET", "/auth/profile", nil).Has(`{"has_password":true}`)
		removePassword(h, "alice")
		b.Call("GET", "/auth/profile", nil).Has(`{"has_password":false}`)
	})
}

// An attacker has sent a request in a fresh session, and the owner ends that session
// while the new password is hashed.
func TestChangePassword_FirstPasswordOfAnEndedSession(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		attacker := h.Browser()
		attacker.Register("alice")
		attacker.Login("alice")
		removePassword(h, "alice")
		var before string
		a := h.DuringHash(func() *apptest.Answer {
			return attacker.Call("PUT", "/auth/change_password", apptest.Members{"new_password": apptest.NewPassword})
		}, func(other *apptest.Harness) {
			other.Exec("DELETE FROM sessions")
			before = other.Dump()
		})
		if a.Want(401, "login_required"); a.Cookie() != "" || h.Dump() != before {
			t.Error("it has changed something, or gets a cookie")
		}
	})
}
