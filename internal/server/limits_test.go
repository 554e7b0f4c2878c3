package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/ratelimit"
)

// X12: whatever address a client claims, the server rejects its sixth login in a minute. The
// first login of the next minute is counted anew.
func TestLogin_RateLimitIgnoresSpoofedAddresses(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for i := range 100 {
			var edits []func(*http.Request)
			for _, name := range spoofs {
				edits = append(edits, apptest.Header(name, fmt.Sprintf("203.0.113.%d", i)))
			}
			a := b.Call("POST", "/auth/login", apptest.WrongLogin(fmt.Sprint("user", i)), edits...)
			if i < 5 {
				a.Want(401, "invalid_credentials")
			} else {
				a.Want(429, "rate_limited")
			}
		}
		h.Clock.Advance(time.Minute)
		b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
	}, apptest.WithLimits())
}

// X13: an IPv6 customer has a /64, and every address has many spellings.
func TestLogin_RateLimitCountsNetworkAsOneClient(t *testing.T) {
	for name, addresses := range map[string]func(i int) string{
		"a /64": func(i int) string { return fmt.Sprintf("2001:db8:1:2:%x::%x", i, i+1) },
		"spellings": func(i int) string {
			return []string{"192.0.2.1", "::ffff:192.0.2.1", "::FFFF:C000:201", "0:0:0:0:0:ffff:192.0.2.1", "::ffff:c000:0201", " 192.0.2.1 "}[i%6]
		},
	} {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b, rejected := h.Browser(), 0
				for i := range 100 {
					if b.Call("POST", "/auth/login", apptest.WrongLogin(fmt.Sprint("user", i)), apptest.ForwardedFor(addresses(i))).Status == 429 {
						rejected++
					}
				}
				if rejected != 95 {
					t.Errorf("got %d of 100 rejected, want 95", rejected)
				}
				b.Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor("2001:db8:1:3::1")).Want(401, "invalid_credentials")
			}, apptest.WithLimits(), apptest.TrustLoopback)
		})
	}
}

// X17: of any number of concurrent logins on any number of instances with one database, exactly
// the permitted number reaches the password hash.
func TestLogin_RateLimitIsSharedByInstances(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		instances := []*apptest.Harness{h, h.StartAnother(apptest.WithLimits())}
		var wait sync.WaitGroup
		for i := range 200 {
			b := instances[i%2].Browser()
			wait.Go(func() {
				if a := b.Call("POST", "/auth/login", apptest.WrongLogin(fmt.Sprint("user", i))); a.Status != 401 && a.Status != 429 {
					t.Errorf("got %d %s, want 401 or 429", a.Status, a.Body)
				}
			})
		}
		wait.Wait()
		if n := instances[0].Passwords().Hashes() + instances[1].Passwords().Hashes(); n != 5 {
			t.Errorf("got %d hashes, want 5", n)
		}
		if n := instances[0].Count("SELECT count(*) FROM audit_events WHERE event = 'excess_rate_limit_exceeded'"); n != 1 {
			t.Errorf("got %d events in one window, want 1", n)
		}
	}, apptest.WithLimits())
}

// R31: a restart does not reset a limit.
func TestLogin_RateLimitSurvivesRestart(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for range 5 {
			b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
		}
		h.StartAnother(apptest.WithLimits()).Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
	}, apptest.WithLimits())
}

// L15: the response is the same for every account, existing or not.
func TestLogin_RateLimitedResponseIsTheSameForEveryAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		b := h.Browser()
		b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
		known := b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
		for _, body := range []any{apptest.WrongLogin("nobody"), apptest.WrongLogin("nobody@example.com"), "rubbish"} {
			if a := b.Call("POST", "/auth/login", body).Want(429, "rate_limited"); apptest.StableParts(a) != apptest.StableParts(known) {
				t.Errorf("got\n%s\nwant\n%s", apptest.StableParts(a), apptest.StableParts(known))
			}
		}
	}, apptest.WithLimits("login: 1 per minute"))
}

// L14: a rejected request uses no database, reads no body and hashes nothing.
func TestLogin_RateLimitedRequestCostsNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
		b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
		hashes := h.Passwords().Hashes()
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
		}
		body := &unread{}
		h.InProcess().Call("POST", "/auth/login", nil, func(r *http.Request) { r.Body = body }).Want(429, "rate_limited")
		if body.read {
			t.Error("the server read the body")
		}
		if n := h.Passwords().Hashes() - hashes; n != 0 {
			t.Errorf("got %d hashes, want 0", n)
		}
	}, apptest.WithLimits("login: 1 per minute"))
}

// unread is a body that records whether it was read.
type unread struct{ read bool }

func (u *unread) Read([]byte) (int, error) { u.read = true; return 0, io.EOF }

func (u *unread) Close() error { return nil }

// The rate limit comes first: the server rejects a request over it before it looks up the
// session, reads the body or hashes the password.
func TestLogin_RateLimitComesBeforeSessionAndBody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/login", "not JSON").Want(400, "malformed_body")
		b.Call("POST", "/auth/login", "not JSON", apptest.Header("Cookie", "session=a; session=b")).Want(429, "rate_limited")
		b.Call("GET", "/nothing", nil).Want(404, "not_found")
	}, apptest.WithLimits("login: 1 per minute"))
}

func TestRateLimit_HeadersShowWhatIsLeft(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for i, want := range []string{
			`"day";r=199;t=86400, "hour";r=1;t=3600`, `"day";r=198;t=86390, "hour";r=0;t=3590`, `"hour";r=0;t=3580`, `"hour";r=0;t=3570`,
		} {
			a := b.Call("POST", "/auth/verify", apptest.Members{"token": strings.Repeat("a", 43)})
			if got := a.Header.Get("RateLimit"); got != want {
				t.Errorf("request %d: got RateLimit %s, want %s", i, got, want)
			}
			if i < 2 {
				a.Want(400, "invalid_token")
			} else if got := a.Want(429, "rate_limited").Header.Get("RateLimit-Policy"); got != `"hour";q=2;w=3600` {
				t.Errorf("got RateLimit-Policy %s, want the policy per hour", got)
			} else if got := a.Header.Get("Retry-After"); got != fmt.Sprint(3600-10*i) {
				t.Errorf("got Retry-After %s, want %d", got, 3600-10*i)
			}
			h.Clock.Advance(10 * time.Second)
		}
	}, apptest.WithLimits("default: 200 per day, 2 per hour"))
}

func TestRateLimit_IsEnforcedForEveryOperation(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		var once []string
		for _, op := range h.Contract.Operations {
			if kinds := ratelimit.Of(op.Limits, ratelimit.ByAddress); len(kinds) > 0 {
				one := ratelimit.Limit{Requests: 1, Window: time.Minute, InProcess: kinds[0].InProcess}
				once = append(once, op.ID+": "+one.String())
			}
		}
		limited := h.StartAnother(apptest.WithLimits(once...))
		b := limited.Browser()
		for _, op := range limited.Contract.Operations {
			path, body := limited.Sample(op)
			first, second := b.Call(op.Method, path, body), b.Call(op.Method, path, body)
			if len(op.Limits) == 0 {
				if first.Status != second.Status || second.Status == 429 {
					t.Errorf("%s: got %d, then %d, want no limit", op.ID, first.Status, second.Status)
				}
				continue
			}
			if first.Status == 429 || first.Header.Get("RateLimit") != `"minute";r=0;t=60` {
				t.Errorf("%s: got %d with RateLimit %s, want the last permitted request", op.ID, first.Status, first.Header.Get("RateLimit"))
			}
			second.Want(429, "rate_limited")
		}
	}, apptest.WithLimits())
}

// Limits of reads are counted in memory, because the check of a session must not become a
// write.
func TestGetCurrentUser_RateLimitNeedsNoDatabase(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for range 600 {
			b.Call("GET", "/auth/current_user", nil).Want(200, "")
		}
		b.Call("GET", "/auth/current_user", nil).Want(429, "rate_limited")
		b.Call("HEAD", "/auth/current_user", nil)
		b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
		if n := h.Count("SELECT count(*) FROM rate_limits"); n != 0 {
			t.Errorf("got %d rows, want 0", n)
		}
		for _, path := range []string{"/", "/healthz", "/readyz", "/docs", "/openapi.yaml", "/openapi.json"} {
			for range 10 {
				if a := b.Call("GET", path, nil).Want(200, ""); a.Header.Get("RateLimit") != "" {
					t.Errorf("%s has a rate limit, want none", path)
				}
			}
		}
		h.Clock.Advance(time.Minute)
		b.Call("GET", "/auth/current_user", nil).Want(200, "")
	}, apptest.WithLimits())
}

// R18: after the clock is set back, no client waits longer than a window. Retry-After is never
// negative or longer than that.
func TestRateLimit_ToleratesClockJumps(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		exhaust := func() {
			t.Helper()
			for range 3 {
				a := b.Call("POST", "/auth/login", apptest.WrongLogin("alice"))
				if wait := a.Header.Get("Retry-After"); a.Status == 429 && wait != "60" {
					t.Errorf("got Retry-After %s, want 60", wait)
				}
			}
			b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
		}
		exhaust()
		for _, jump := range []time.Duration{-time.Hour, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
			h.Clock.Advance(jump)
			exhaust()
			h.Clock.Advance(time.Minute)
			b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
			h.Clock.Advance(time.Minute)
		}
	}, apptest.WithLimits("login: 1 per minute"))
}

// 6.6.3: a client can guess only a few tokens, whichever operation it sends them to.
func TestRateLimit_BoundsTokenGuessing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		token := strings.Repeat("a", 43)
		for _, r := range []struct {
			method, path string
			body         any
		}{
			{"POST", "/auth/verify", apptest.Members{"token": token}},
			{"GET", "/auth/verify/" + token, nil},
			{"HEAD", "/auth/verify/" + token, nil},
			{"POST", "/auth/confirm_email", apptest.Members{"token": token}},
			{"POST", "/auth/reset_password", apptest.Members{"token": token, "password": apptest.GoodPassword}},
			{"POST", "/auth/reset_password/" + token, apptest.Members{"password": apptest.GoodPassword}},
		} {
			b := h.Browser()
			want := 400
			for i := range 51 {
				if i == 50 || r.method == "HEAD" { // HEAD shares the count of GET
					want = 429
				}
				if a := b.Call(r.method, r.path, r.body); a.Status != want {
					t.Fatalf("%s %s, attempt %d: got %d, want %d", r.method, r.path, i+1, a.Status, want)
				}
			}
		}
	}, apptest.WithLimits())
}
