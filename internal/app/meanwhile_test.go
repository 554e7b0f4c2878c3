package app_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/token"
)

// while runs a request that hashes a password, and something else after the
// request has read the account and before its hash is made. The something else
// gets a second server on the same database, whose gate is free.
func (h *harness) while(request func() *answer, happens func(other *harness)) *answer {
	h.t.Helper()
	other := h.another()
	other.Accounts.Registration = h.Accounts.Registration
	release := h.fill()
	var a *answer
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		a = request()
	}()
	until(func() bool { return h.passwords().Gate.Waiting() == 1 })
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

// What changes an account takes the account, its mails and its tokens in one
// order. If two of these requests did not, PostgreSQL would end one of them.
func TestWhatHappensAtOnceWaitsForNoneOfTheOthers(t *testing.T) {
	eachByChance(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		b.login("alice")
		rounds := map[string]func(i int) [2]func() *answer{
			"confirmation and change of the address": func(i int) [2]func() *answer {
				to := fmt.Sprintf("a%d@example.com", i)
				b.updateProfile(members{"email": to, "current_password": goodPassword}).want(200, "")
				token := h.mailedToken(mail.VerifyEmail, to)
				return [2]func() *answer{
					func() *answer { return h.browser().call("POST", "/auth/verify", members{"token": token}) },
					func() *answer { return b.updateProfile(members{"email": "alice@example.com"}) },
				}
			},
			"reset and the writing of the next mail": func(int) [2]func() *answer {
				token := h.resetToken("alice")
				ask := func() *answer {
					return h.browser().call("POST", "/auth/request_reset", members{"email": "alice@example.com"})
				}
				ask()
				return [2]func() *answer{
					func() *answer {
						return h.browser().call("POST", "/auth/reset_password", members{"token": token, "password": goodPassword})
					},
					func() *answer { h.mails(); return ask() },
				}
			},
		}
		for _, name := range slices.Sorted(maps.Keys(rounds)) {
			for i := range 40 {
				b.login("alice")
				requests := rounds[name](i)
				atOnce(2, func(j int) {
					if a := requests[j](); a.status >= 500 {
						t.Errorf("%s: %s answers %d", name, a.what, a.status)
					}
				})
			}
		}
		if n := h.MailWorker.Counters.Retried.Load(); n != 0 {
			t.Errorf("%d mails could not be written at once", n)
		}
	})
}

// Of two requests for a link at once, neither of which sees the other's mail,
// both are answered; the link that works is that of the later one, whichever
// mail is written first.
func TestOfLinksAskedForAtOnceTheNewestWorks(t *testing.T) {
	eachAtOnce(t, func(t *testing.T, h *harness) {
		h.browser().register("alice")
		var ticks atomic.Int64
		h.Mail.Now = func() time.Time {
			return h.clock.Now().Add(-time.Minute + time.Duration(ticks.Add(1))*time.Microsecond)
		}
		seen := len(h.mails())
		for range 40 {
			atOnce(3, func(int) {
				h.browser().call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "")
			})
			var newest mail.Previewed
			for _, m := range h.mails()[seen:] {
				seen++
				if m.Date.After(newest.Date) {
					newest = m
				}
			}
			_, value, _ := strings.Cut(newest.Link, "#token=")
			live, err := h.DB.TokenByHash(t.Context(), token.Hash(value))
			if err != nil || !live.CreatedAt.Equal(newest.Date) {
				t.Fatalf("the newest link does not work: %v", err)
			}
			if seen > 80 { // the page keeps a hundred
				h.Preview, seen = &mail.Preview{Now: h.Now, Logger: h.Logger}, 0
				h.MailWorker.Sender = h.Preview
			}
		}
	})
}
