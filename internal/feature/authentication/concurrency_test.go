package authentication_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/token"
)

// While the server compares the password of an attacker's login, the owner locks the
// attacker out. The login must fail.
func TestLogin_FailsIfAccountChangesMeanwhile(t *testing.T) {
	tests := map[string]struct {
		during func(other *apptest.Harness, resetToken string)
		status int
		code   string
	}{
		"reset": {func(other *apptest.Harness, token string) {
			other.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.NewPassword}).Want(200, "")
		}, 401, "invalid_credentials"},
		"password change": {func(other *apptest.Harness, _ string) {
			b := other.Browser()
			b.Login("alice")
			b.ChangePassword(apptest.GoodPassword, apptest.NewPassword).Want(200, "")
		}, 401, "invalid_credentials"},
		"deletion": {func(other *apptest.Harness, _ string) {
			b := other.Browser()
			b.Login("alice")
			b.DeleteAccount(apptest.GoodPassword).Want(200, "")
		}, 401, "invalid_credentials"},
		"disabled account": {func(other *apptest.Harness, _ string) {
			other.Exec("UPDATE users SET disabled_at = created_at")
			other.Exec("DELETE FROM sessions")
		}, 403, "account_disabled"},
		"removed password": {func(other *apptest.Harness, _ string) {
			other.Exec("UPDATE users SET password_hash = NULL")
		}, 401, "invalid_credentials"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				h.Browser().Register("alice")
				token := h.ResetToken("alice")
				attacker := h.Browser()
				a := h.DuringHash(
					func() *apptest.Answer {
						return attacker.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword})
					},
					func(other *apptest.Harness) { test.during(other, token) },
				)
				if a.Want(test.status, test.code); a.Cookie() != "" || attacker.LoggedIn() {
					t.Error("the login has started a session")
				}
				recorded := h.Recorded()
				if last := recorded[len(recorded)-1]; last["event"] != "authn_login_fail" || last["reason"] != test.code {
					t.Errorf("recorded %v, want authn_login_fail with %s", last, test.code)
				}
			})
		})
	}
}

// Of two concurrent logins with an outdated hash, one renews the hash. The other must not
// take the new hash for a new password.
func TestLogin_SucceedsIfHashIsRenewedMeanwhile(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		outdated := &password.Hasher{Params: &password.Params{Memory: 32, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}}
		old, err := outdated.Hash(t.Context(), apptest.GoodPassword)
		if err != nil {
			t.Fatal(err)
		}
		h.Exec("UPDATE users SET password_hash = $1", old)
		b := h.Browser()
		h.DuringHash(
			func() *apptest.Answer {
				return b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword})
			},
			func(other *apptest.Harness) { other.Browser().Login("alice") },
		).Want(200, "")
		if !b.LoggedIn() || h.Account("alice")["password_hash"] == old {
			t.Error("the login has failed, or the hash is still the outdated one")
		}
	})
}

// Every transaction locks an account, then its mails, then its tokens. With two different
// orders, PostgreSQL would end one of two concurrent transactions as a deadlock.
func TestAccounts_ConcurrentChangesDoNotDeadlock(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		rounds := map[string]func(i int) [2]func() *apptest.Answer{
			"confirmation and change of the email": func(i int) [2]func() *apptest.Answer {
				to := fmt.Sprintf("a%d@example.com", i)
				b.UpdateProfile(apptest.Members{"email": to, "current_password": apptest.GoodPassword}).Want(200, "")
				token := h.MailedToken(mail.VerifyEmail, to)
				return [2]func() *apptest.Answer{
					func() *apptest.Answer {
						return h.Browser().Call("POST", "/auth/verify", apptest.Members{"token": token})
					},
					func() *apptest.Answer { return b.UpdateProfile(apptest.Members{"email": "alice@example.com"}) },
				}
			},
			"reset and the next mail": func(int) [2]func() *apptest.Answer {
				token := h.ResetToken("alice")
				requestReset := func() *apptest.Answer {
					return h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"})
				}
				requestReset()
				return [2]func() *apptest.Answer{
					func() *apptest.Answer {
						return h.Browser().Call("POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.GoodPassword})
					},
					func() *apptest.Answer { h.Mails(); return requestReset() },
				}
			},
		}
		for _, name := range slices.Sorted(maps.Keys(rounds)) {
			for i := range 40 {
				b.Login("alice")
				requests := rounds[name](i)
				apptest.Concurrently(2, func(j int) {
					if a := requests[j](); a.Status >= 500 {
						t.Errorf("%s: %s: got %d, want less than 500", name, a.What, a.Status)
					}
				})
			}
		}
		if n := h.MailWorker.Counters.Retried.Load(); n != 0 {
			t.Errorf("got %d retries of mails, want 0", n)
		}
	})
}

// Of concurrent requests for a link, none sees the mail of another. All succeed, and the
// link of the latest request works, whichever mail is written first.
func TestRequestReset_NewestOfConcurrentLinksWorks(t *testing.T) {
	apptest.EachConcurrent(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		var ticks atomic.Int64
		h.Mail.Now = func() time.Time {
			return h.Clock.Now().Add(-time.Minute + time.Duration(ticks.Add(1))*time.Microsecond)
		}
		seen := len(h.Mails())
		for range 40 {
			apptest.Concurrently(3, func(int) {
				h.Browser().Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
			})
			var newest mail.Previewed
			for _, m := range h.Mails()[seen:] {
				seen++
				if m.Date.After(newest.Date) {
					newest = m
				}
			}
			_, value, _ := strings.Cut(newest.Link, "#token=")
			live, err := h.DB.TokenByHash(t.Context(), token.Hash(value))
			if err != nil || !live.CreatedAt.Equal(newest.Date) {
				t.Fatalf("the link of the latest request does not work: %v", err)
			}
			if seen > 80 { // the preview keeps 100 mails
				h.Preview, seen = &mail.Preview{Now: h.Now, Logger: h.Logger}, 0
				h.MailWorker.Sender = h.Preview
			}
		}
	})
}
