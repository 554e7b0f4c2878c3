package session_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/session"
	"github.com/techtreks/auth/internal/token"
)

// A browser sends the cookie of this host and one that a sibling domain has planted, in
// an order that the attacker chooses.
func TestLoad_RejectsTwoCookies(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		cookie := f.login("", f.alice)
		f.recorded()
		for name, header := range map[string]string{
			"planted last": cookie + "; session=planted", "planted first": "session=planted; " + cookie,
			"same twice": cookie + "; " + cookie, "both invalid": "session=a; session=b",
		} {
			f.subtest(t, name, func(t *testing.T) {
				set, err := f.send(header, func(context.Context, *gendb.Queries) error {
					t.Error("the handler was called")
					return nil
				})
				if !errors.Is(err, problem.AmbiguousSession) || len(set) != 0 {
					t.Errorf("got %q, %v, want ambiguous_session", set, err)
				}
			})
		}
		if f.opens("other=1; "+cookie+"; sessions=2") == nil {
			t.Error("cookies with other names end the session")
		}
		f.wantRecorded()
	})
}

// An outage must not log anyone out, so a failed query is no missing session.
func TestLoad_ReturnsDatabaseError(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", f.login("", f.alice))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Load(r.WithContext(ctx)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the error of the database", err)
		}
	})
}

func TestLoad_FillsRequestContext(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		cookie := f.login("", f.alice)
		info := &reqctx.Info{}
		if _, err := f.sendFrom(info, cookie, func(context.Context, *gendb.Queries) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if want := f.stored()[0]; info.Actor != f.alice || !slices.Equal(info.Session, want.TokenHash) {
			t.Errorf("got actor %d and session %x, want %d and %x", info.Actor, info.Session, f.alice, want.TokenHash)
		}
		visitor := &reqctx.Info{}
		if _, err := f.sendFrom(visitor, "", func(context.Context, *gendb.Queries) error { return nil }); err != nil || visitor.Actor != 0 || visitor.Session != nil {
			t.Errorf("got %+v, %v for a visitor, want no actor and no session", visitor, err)
		}
	})
}

func TestLoad_RecordsUseOfEndedSession(t *testing.T) {
	tests := map[string]struct {
		end  func(f *fixture)
		want event
	}{
		"expired": {
			func(f *fixture) { f.clock = f.clock.Add(time.Hour) },
			event{"login", "session_use_after_expire", "expired", 0, 1, 0},
		},
		"expired and swept": {
			func(f *fixture) {
				f.clock = f.clock.Add(time.Hour)
				if _, err := f.Sweep(f.t.Context()); err != nil {
					f.t.Error(err)
				}
			},
			event{"login", "session_use_after_expire", "expired", 0, 1, 0},
		},
		"revoked": {
			func(f *fixture) {
				f.tx(func(q *gendb.Queries) error { return f.EndAll(f.t.Context(), q, f.alice) })
			},
			event{"login", "authn_token_reuse", "session_ended", 0, 1, 0},
		},
		"without a record": {
			func(f *fixture) {
				for _, table := range []string{"sessions", "audit_events"} {
					if _, err := f.DB.ExecContext(f.t.Context(), "DELETE FROM "+table); err != nil {
						f.t.Error(err)
					}
				}
			},
			event{"login", "session_use_after_expire", "unknown_session", 0, 0, 0},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, f *fixture) {
				cookie := f.login("", f.alice)
				test.end(f)
				f.recorded()
				if f.opens(cookie) != nil {
					t.Error("the session works")
				}
				f.wantRecorded(test.want)
			})
		})
	}
}

func TestRenew_NeverInserts(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.login("", f.alice)
		row := f.stored()[0]
		f.clock = f.clock.Add(2 * time.Minute) // the next request renews the session
		renew := func() {
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			ctx := session.With(t.Context(), &session.Session{Session: row})
			c.Request = httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			f.Renew(c)
		}
		renew()
		if got := f.stored(); len(got) != 1 || !got[0].LastSeenAt.Equal(f.clock) || !got[0].ExpiresAt.Equal(row.ExpiresAt) {
			t.Errorf("got %+v, want a renewed session that ends at the same time", got)
		}
		f.tx(func(q *gendb.Queries) error { return f.EndAll(t.Context(), q, f.alice) })
		f.clock = f.clock.Add(2 * time.Minute)
		renew()
		if n := len(f.stored()); n != 0 {
			t.Errorf("the renewal restored %d sessions", n)
		}
	})
}

func TestCurrent_EndedSessionIsLoginRequired(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		cookie := f.login("", f.alice)
		_, err := f.send(cookie, func(ctx context.Context, q *gendb.Queries) error {
			if current, err := f.Current(ctx, q); err != nil || current.ID != session.From(ctx).ID {
				t.Errorf("got %+v, %v, want the session of the request", current, err)
			}
			if err := f.EndAll(ctx, q, f.alice); err != nil {
				return err
			}
			_, err := f.Current(ctx, q)
			return err
		})
		if !errors.Is(err, problem.LoginRequired) {
			t.Errorf("got %v, want login_required", err)
		}
	})
}

func TestRequireFresh_AcceptsLoginsUnderTenMinutes(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		ctx := session.With(t.Context(), &session.Session{Session: gendb.Session{AuthenticatedAt: f.clock}})
		for age, want := range map[time.Duration]error{
			0: nil, session.FreshFor - time.Microsecond: nil, session.FreshFor: problem.ReauthRequired, 24 * time.Hour: problem.ReauthRequired,
		} {
			f.clock = session.From(ctx).AuthenticatedAt.Add(age)
			if err := f.RequireFresh(ctx); !errors.Is(err, want) {
				t.Errorf("%s after the login: got %v, want %v", age, err, want)
			}
		}
	})
}

func TestEnd_EndsOneSessionOfAccount(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		bob := f.account("bob")
		cookies := []string{f.login("", f.alice), f.login("", f.alice), f.login("", bob)}
		stored := f.stored()
		f.recorded()
		end := func(userID, id int64) (found bool) {
			f.tx(func(q *gendb.Queries) (err error) {
				found, err = f.End(t.Context(), q, userID, id)
				return err
			})
			return found
		}
		if end(f.alice, stored[2].ID) || end(f.alice, 1_000_000) {
			t.Error("End has found a session of another account")
		}
		f.wantRecorded()
		if !end(f.alice, stored[0].ID) || end(f.alice, stored[0].ID) {
			t.Error("End has not found the session, or has found it twice")
		}
		f.wantRecorded(event{"", "authn_token_revoked", "sessions_ended", 0, f.alice, 0})
		for i, ended := range []bool{true, false, false} {
			if (f.opens(cookies[i]) == nil) != ended {
				t.Errorf("session %d: got ended %v, want %v", i, !ended, ended)
			}
		}
	})
}

func TestEndOthers_KeepsSessionOfRequest(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		own, other, third, bob := f.login("", f.alice), f.login("", f.alice), f.login("", f.alice), f.login("", f.account("bob"))
		f.recorded()
		for _, want := range [][]event{{{"login", "authn_token_revoked", "sessions_ended", f.alice, f.alice, 1}}, nil} {
			if _, err := f.send(own, f.EndOthers); err != nil {
				t.Fatal(err)
			}
			f.wantRecorded(want...)
		}
		if f.opens(own) == nil || f.opens(bob) == nil || f.opens(other) != nil || f.opens(third) != nil {
			t.Error("want the session of the request and of bob, and no other")
		}
	})
}

// A command has no client and no actor, but an operation: "shell".
func TestEndAll_RecordsOperationOfCommand(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		shell := reqctx.With(t.Context(), &reqctx.Info{Operation: reqctx.Shell})
		endAll := func(q *gendb.Queries) error { return f.EndAll(shell, q, f.alice) }
		f.tx(endAll)
		f.wantRecorded() // there is no session to end
		for range 3 {
			f.login("", f.alice)
		}
		f.recorded()
		f.tx(endAll)
		f.wantRecorded(event{"shell", "authn_token_revoked", "sessions_ended", 0, f.alice, 2})
		if n := len(f.stored()); n != 0 {
			t.Errorf("got %d sessions, want 0", n)
		}
	})
}

func TestSweep_RecordsReasonOfEachSession(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		start := f.clock
		now := start.Add(24 * time.Hour)
		for user, lastSeen := range map[string]time.Time{"idle": now.Add(-f.Idle), "live": now.Add(-f.Idle + time.Microsecond), "both": start} {
			created := now.Add(-2 * time.Hour)
			if user == "both" {
				created = start
			}
			f.insert(f.account(user), created, lastSeen)
		}
		f.insert(f.account("absolute"), start, now)
		f.clock = now
		if n, err := f.Sweep(t.Context()); n != 3 || err != nil {
			t.Errorf("swept %d sessions, %v, want 3", n, err)
		}
		got := map[string]string{}
		for _, e := range f.recorded() {
			user, err := f.DB.UserByID(t.Context(), e.subject)
			if err != nil || e.event != "session_expired" || e.operation != "" || e.actor != 0 {
				t.Errorf("recorded %+v, %v, want session_expired without operation and actor", e, err)
			}
			got[user.Username] = e.reason
		}
		if want := map[string]string{"idle": "idle", "absolute": "absolute", "both": "absolute"}; !maps.Equal(got, want) {
			t.Errorf("recorded the reasons %v, want %v", got, want)
		}
		if left := f.stored(); len(left) != 1 {
			t.Errorf("got %+v, want the live session", left)
		}
		if n, err := f.Sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("the second sweep deleted %d sessions, %v, want 0", n, err)
		}
	})
}

func TestSweep_DeletesMoreThanOneBatch(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		f.tx(func(q *gendb.Queries) error {
			for i := range 1001 {
				if err := f.insertIn(q, f.alice, fmt.Sprint(i), f.clock, f.clock); err != nil {
					return err
				}
			}
			return nil
		})
		f.clock = f.clock.Add(f.Idle)
		if n, err := f.Sweep(t.Context()); n != 1001 || err != nil {
			t.Errorf("swept %d sessions, %v, want 1001", n, err)
		}
		if n := len(f.recorded()); n != 1001 {
			t.Errorf("recorded %d events, want 1001", n)
		}
	})
}

// insert stores a session with the given times.
func (f *fixture) insert(userID int64, created, lastSeen time.Time) {
	f.t.Helper()
	f.tx(func(q *gendb.Queries) error { return f.insertIn(q, userID, fmt.Sprint(userID), created, lastSeen) })
}

func (f *fixture) insertIn(q *gendb.Queries, userID int64, text string, created, lastSeen time.Time) error {
	hash := token.Hash(text)
	_, err := q.SessionCreate(f.t.Context(), gendb.SessionCreateParams{
		TokenHash: hash, UserID: userID, Amr: session.Password, Now: created, ExpiresAt: created.Add(f.Absolute),
	})
	if err == nil && lastSeen.After(created) {
		_, err = q.SessionTouch(f.t.Context(), gendb.SessionTouchParams{TokenHash: hash, Now: lastSeen, RenewBefore: lastSeen})
	}
	return err
}

func TestList_ReturnsLiveSessionsMostRecentFirst(t *testing.T) {
	run(t, func(t *testing.T, f *fixture) {
		bob := f.account("bob")
		start := f.clock
		f.login("", f.alice)
		f.clock = start.Add(30 * time.Minute)
		f.login("", f.alice)
		f.login("", bob)
		f.login("", f.alice)
		f.clock = start.Add(time.Hour)
		list, err := f.List(t.Context(), f.alice)
		if err != nil || len(list) != 2 || list[0].ID < list[1].ID || list[0].UserID != f.alice || list[1].UserID != f.alice {
			t.Errorf("got %+v, %v, want the two live sessions of alice, the newest first", list, err)
		}
	})
}
