package session_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gsessions "github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

// value is the part of a Set-Cookie header that differs between two logins.
const value = "q6v0Jm2tXe9cR4hLw8bS1zK7yN3uG5oA0dF6pIiV2TE.Wz5rY8kD1nB4xQ7mC0jH3vT6gL9sP2fE5aU8oR1iKbA"

func TestCookie_AttributesByteForByte(t *testing.T) {
	tests := map[string]struct {
		cookie     session.Cookie
		life       time.Duration
		set, clear string
	}{
		"development": {
			session.Cookie{Name: "session", SameSite: http.SameSiteLaxMode}, 24 * time.Hour,
			"session=" + value + "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax",
			"session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
		},
		"production": {
			session.Cookie{Name: "__Host-session", Secure: true, SameSite: http.SameSiteStrictMode}, 12 * time.Hour,
			"__Host-session=" + value + "; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict",
			"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict",
		},
		"production with cookie domain": {
			session.Cookie{Name: "__Secure-session", Domain: "example.com", Secure: true, SameSite: http.SameSiteLaxMode}, time.Hour + time.Millisecond,
			"__Secure-session=" + value + "; Path=/; Domain=example.com; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
			"__Secure-session=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set, clear := test.cookie.Examples(test.life)
			if set != test.set || clear != test.clear {
				t.Errorf("got  %s\n     %s\nwant %s\n     %s", set, clear, test.set, test.clear)
			}
		})
	}
}

func TestLogIn_SetsCookieOfNewSession(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		set, err := f.send("", func(ctx context.Context, q *gendb.Queries) error { return f.LogIn(ctx, q, f.alice, session.Password) })
		if err != nil || len(set) != 1 {
			t.Fatalf("got %q, %v, want one cookie", set, err)
		}
		signed, attributes, _ := strings.Cut(set[0], ";")
		if want := " Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"; attributes != want || len(signed) != len("session=")+len(value) {
			t.Errorf("got %s, want session=<token>.<signature>;%s", set[0], want)
		}
		text, ok := f.Signer.Verify("session", strings.TrimPrefix(signed, "session="))
		if !ok {
			t.Fatalf("the cookie %s is not signed", signed)
		}
		stored := f.stored()
		if len(stored) != 1 || !bytes.Equal(stored[0].TokenHash, token.Hash(text)) {
			t.Fatalf("got %+v, want one session with the hash of the token", stored)
		}
		got := stored[0]
		for _, at := range []*time.Time{&got.AuthenticatedAt, &got.CreatedAt, &got.LastSeenAt, &got.ExpiresAt} {
			*at = at.UTC()
		}
		want := gendb.Session{
			ID: got.ID, TokenHash: got.TokenHash, UserID: f.alice, AuthenticatedAt: f.clock, Amr: "pwd", Ip: "192.0.2.1",
			UserAgent: "curl/8", CreatedAt: f.clock, LastSeenAt: f.clock, ExpiresAt: f.clock.Add(24 * time.Hour),
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		f.wantRecorded(event{"login", "session_created", "", f.alice, f.alice, 0})
	})
}

// A store that keeps the token of the request lets an attacker plant a session before the
// login and use it afterwards (session fixation).
func TestLogIn_ReplacesPresentedSession(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		mallory := f.account("mallory")
		for name, owner := range map[string]int64{"same account": f.alice, "other account": mallory} {
			f.subtest(t, name, func(t *testing.T) {
				elsewhere := f.login("", owner)
				presented := f.login("", owner)
				f.recorded()
				replacement := f.login(presented, f.alice)
				if replacement == presented {
					t.Error("the login has adopted the presented token")
				}
				f.wantRecorded(
					event{"login", "session_logout", "new_login", owner, owner, 0},
					event{"login", "session_created", "", f.alice, f.alice, 0},
				)
				if f.opens(presented) != nil {
					t.Error("the presented session has not ended")
				}
				if got := f.opens(replacement); got == nil || got.User.ID != f.alice {
					t.Errorf("the new cookie opens %+v, want a session of alice", got)
				}
				if f.opens(elsewhere) == nil {
					t.Error("the login has ended another session")
				}
			})
		}
	})
}

func TestLogIn_ForgedCookieEndsNoSession(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		live := f.login("", f.alice)
		text, _, _ := strings.Cut(live, ".")
		f.login(text+"."+strings.Repeat("A", token.Length), f.alice)
		if n := len(f.stored()); n != 2 || f.opens(live) == nil {
			t.Errorf("got %d sessions, want the earlier one and the new one", n)
		}
	})
}

func TestLogIn_StoresAnyUserAgent(t *testing.T) {
	agents := map[string]string{
		"NUL": "a\x00b", "invalid UTF-8": "caf\xe9", "too long": strings.Repeat("x", 5000), "emoji at the cut": "x" + strings.Repeat("\U0001F600", 200),
	}
	run(t, func(t *testing.T, f *fixture) {
		for name, agent := range agents {
			f.subtest(t, name, func(t *testing.T) {
				_, err := f.sendFrom(&reqctx.Info{UserAgent: agent}, "", func(ctx context.Context, q *gendb.Queries) error {
					return f.LogIn(ctx, q, f.alice, session.Password)
				})
				if err != nil {
					t.Fatal(err)
				}
				stored := f.stored()
				if got := stored[len(stored)-1].UserAgent; got == "" || len(got) > 500 || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
					t.Errorf("stored %q, want at most 500 bytes of valid UTF-8 without NUL", got)
				}
			})
		}
	})
}

func TestLogOut_EndsSessionAndClearsCookie(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		cookie, other := f.login("", f.alice), f.login("", f.alice)
		f.recorded()
		for _, logout := range []struct {
			cookie   string
			recorded []event
		}{
			{cookie, []event{{"login", "session_logout", "logout", f.alice, f.alice, 0}}},
			{cookie, []event{{"login", "authn_token_reuse", "session_ended", 0, f.alice, 0}}}, // it has ended
			{"", nil},
		} {
			set, err := f.send(logout.cookie, f.LogOut)
			if err != nil || len(set) != 1 || set[0] != "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" {
				t.Errorf("got %q, %v, want the cookie cleared", set, err)
			}
			f.wantRecorded(logout.recorded...)
		}
		if f.opens(cookie) != nil || f.opens(other) == nil {
			t.Error("the session has not ended, or another one has")
		}
	})
}

func TestRotate_ReplacesTokenAndMakesLoginFresh(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		cookie := f.login("", f.alice)
		before := f.stored()[0]
		f.recorded()
		f.clock = f.clock.Add(30 * time.Minute)
		if current := f.opens(cookie); current.Fresh(f.clock) {
			t.Fatal("the login is fresh after 30 minutes")
		}
		set, err := f.send(cookie, f.Rotate)
		if err != nil || len(set) != 1 || !strings.HasSuffix(set[0], "; Path=/; Max-Age=84600; HttpOnly; SameSite=Lax") {
			t.Fatalf("got %q, %v, want a cookie for the 84600 seconds that are left", set, err)
		}
		rotated, _, _ := strings.Cut(set[0], ";")
		stored := f.stored()
		if len(stored) != 1 {
			t.Fatalf("got %d sessions, want 1", len(stored))
		}
		after := stored[0]
		if bytes.Equal(after.TokenHash, before.TokenHash) || after.ID != before.ID || !after.ExpiresAt.Equal(before.ExpiresAt) ||
			!after.CreatedAt.Equal(before.CreatedAt) || !after.AuthenticatedAt.Equal(f.clock) {
			t.Errorf("got %+v, want %+v with a new token and a new login time", after, before)
		}
		f.wantRecorded(event{"login", "session_renewed", "", f.alice, f.alice, 0})
		if current := f.opens(rotated); current == nil || !current.Fresh(f.clock) {
			t.Errorf("the new token opens %+v, want a fresh session", current)
		}
		if f.opens(cookie) != nil {
			t.Error("the old token works")
		}
		f.wantRecorded(event{"login", "authn_token_reuse", "session_ended", 0, f.alice, 0})
	})
}

func TestRotate_EndedSessionIsNotRestored(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		cookie := f.login("", f.alice)
		f.recorded()
		set, err := f.send(cookie, func(ctx context.Context, q *gendb.Queries) error {
			if _, err := q.SessionDelete(ctx, session.From(ctx).TokenHash); err != nil {
				return err
			}
			return f.Rotate(ctx, q)
		})
		if !errors.Is(err, problem.LoginRequired) || len(set) != 0 {
			t.Errorf("got %q, %v, want login_required and no cookie", set, err)
		}
		f.wantRecorded()
	})
}

// The middleware of the framework must not lose values that a handler sets.
func TestMiddleware_RejectsValuesOfHandlers(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		set, err := f.send("", func(ctx context.Context, _ *gendb.Queries) error {
			s := gsessions.Default(ctx.(*gin.Context))
			s.Set("user", 1)
			if err := s.Save(); err == nil {
				t.Error("a value was accepted")
			}
			return s.Save() // empty again
		})
		if err != nil || len(set) != 0 {
			t.Errorf("got %q, %v, want no cookie", set, err)
		}
	})
}

func TestLogIn_RollbackLeavesNothing(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		cookie := f.login("", f.alice)
		f.recorded()
		_, err := f.send(cookie, func(ctx context.Context, q *gendb.Queries) error {
			if err := f.LogIn(ctx, q, f.alice, session.Password); err != nil {
				return err
			}
			return sql.ErrConnDone
		})
		if !errors.Is(err, sql.ErrConnDone) || len(f.stored()) != 1 || f.opens(cookie) == nil {
			t.Errorf("got %v and %d sessions, want the error and the earlier session", err, len(f.stored()))
		}
		f.wantRecorded()
	})
}
