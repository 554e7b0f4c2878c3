package server_test

import (
	"testing"

	"github.com/techtreks/auth/internal/password"
)

// while runs a request that hashes a password, and something else after the
// request has read the account and before its hash is made. The something else
// gets a second server on the same database, whose gate is free.
func (h *harness) while(request func() *answer, happens func(other *harness)) *answer {
	h.t.Helper()
	other := start(h.t, h.DB)
	other.Registration = h.Registration
	release := h.fill()
	var a *answer
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		a = request()
	}()
	until(func() bool { return h.Passwords.Gate.Waiting() == 1 })
	happens(other)
	release()
	<-answered
	return a
}

// Somebody who knows the old password has sent a login, and before it is done
// the owner has done something against just that.
func TestALoginUnderWayDoesNotOutliveItsPassword(t *testing.T) {
	tests := map[string]struct {
		happens func(other *harness, resetToken string)
		status  int
		code    string
	}{
		"reset": {func(other *harness, token string) {
			other.browser().call("POST", "/auth/reset_password", members{"token": token, "password": newPassword}).want(200, "")
		}, 401, "invalid_credentials"},
		"change": {func(other *harness, _ string) {
			b := other.browser()
			b.login("alice")
			b.changePassword(goodPassword, newPassword).want(200, "")
		}, 401, "invalid_credentials"},
		"deletion": {func(other *harness, _ string) {
			b := other.browser()
			b.login("alice")
			b.deleteAccount(goodPassword).want(200, "")
		}, 401, "invalid_credentials"},
		"disabling": {func(other *harness, _ string) {
			other.exec("UPDATE users SET disabled_at = created_at")
			other.exec("DELETE FROM sessions")
		}, 403, "account_disabled"},
		"removal of the password": {func(other *harness, _ string) {
			other.exec("UPDATE users SET password_hash = NULL")
		}, 401, "invalid_credentials"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				h.browser().register("alice")
				token := h.resetToken("alice")
				thief := h.browser()
				a := h.while(
					func() *answer {
						return thief.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword})
					},
					func(other *harness) { test.happens(other, token) },
				)
				if a.want(test.status, test.code); a.cookie() != "" || thief.loggedIn() {
					t.Error("the old password has opened a session")
				}
				recorded := h.recorded()
				if last := recorded[len(recorded)-1]; last["event"] != "authn_login_fail" || last["reason"] != test.code {
					t.Errorf("recorded as %v", last)
				}
			})
		})
	}
}

// Of two logins with a hash of old parameters one renews it. The other must not
// take that for another password.
func TestALoginUnderWayOutlivesTheRenewalOfItsHash(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		cheaper := &password.Hasher{Params: &password.Params{Memory: 32, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}}
		old, err := cheaper.Hash(t.Context(), goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		h.exec("UPDATE users SET password_hash = $1", old)
		b := h.browser()
		h.while(
			func() *answer {
				return b.call("POST", "/auth/login", members{"username": "alice", "password": goodPassword})
			},
			func(other *harness) { other.browser().login("alice") },
		).want(200, "")
		if !b.loggedIn() || h.account("alice")["password_hash"] == old {
			t.Error("not logged in, or the hash is the old one")
		}
	})
}
