package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/app"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// X12: whatever a client says about its address, the sixth login in a minute is
// refused, and the seventh minute's first is not.
func TestLoginsAreLimitedWhateverTheClientSaysOfItself(t *testing.T) {
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

// X13: one IPv6 customer has a /64, and every address has many spellings.
func TestOneNetworkIsOneClient(t *testing.T) {
	for name, addresses := range map[string]func(i int) string{
		"a /64": func(i int) string { return fmt.Sprintf("2001:db8:1:2:%x::%x", i, i+1) },
		"spellings": func(i int) string {
			return []string{"192.0.2.1", "::ffff:192.0.2.1", "::FFFF:C000:201", "0:0:0:0:0:ffff:192.0.2.1", "::ffff:c000:0201", " 192.0.2.1 "}[i%6]
		},
	} {
		t.Run(name, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b, refused := h.Browser(), 0
				for i := range 100 {
					if b.Call("POST", "/auth/login", apptest.WrongLogin(fmt.Sprint("user", i)), apptest.ForwardedFor(addresses(i))).Status == 429 {
						refused++
					}
				}
				if refused != 95 {
					t.Errorf("%d of 100 were refused, want 95", refused)
				}
				b.Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor("2001:db8:1:3::1")).Want(401, "invalid_credentials")
			}, apptest.WithLimits(), apptest.TrustLoopback)
		})
	}
}

// X17: of any number of logins at once, over any number of instances on one
// database, exactly as many get to the password hash as may.
func TestInstancesLetThroughTogetherWhatOneWould(t *testing.T) {
	apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
		instances := []*apptest.Harness{h, h.StartAnother(apptest.WithLimits())}
		var wait sync.WaitGroup
		for i := range 200 {
			b := instances[i%2].Browser()
			wait.Go(func() {
				if a := b.Call("POST", "/auth/login", apptest.WrongLogin(fmt.Sprint("user", i))); a.Status != 401 && a.Status != 429 {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			})
		}
		wait.Wait()
		if n := instances[0].Passwords().Hashes() + instances[1].Passwords().Hashes(); n != 5 {
			t.Errorf("%d hashes, want 5", n)
		}
		if n := instances[0].Count("SELECT count(*) FROM audit_events WHERE event = 'excess_rate_limit_exceeded'"); n != 1 {
			t.Errorf("%d notes of one window, want 1", n)
		}
	}, apptest.WithLimits())
}

// R31: a restart is no way around a limit.
func TestLimitsOutliveTheProcess(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for range 5 {
			b.Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(401, "invalid_credentials")
		}
		h.StartAnother(apptest.WithLimits()).Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice")).Want(429, "rate_limited")
	}, apptest.WithLimits())
}

func TestAnswersSayWhatIsLeft(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for i, want := range []string{
			`"day";r=199;t=86400, "hour";r=1;t=3600`, `"day";r=198;t=86390, "hour";r=0;t=3590`, `"hour";r=0;t=3580`, `"hour";r=0;t=3570`,
		} {
			a := b.Call("POST", "/auth/verify", apptest.Members{"token": strings.Repeat("a", 43)})
			if got := a.Header.Get("RateLimit"); got != want {
				t.Errorf("request %d: RateLimit is %s, want %s", i, got, want)
			}
			if i < 2 {
				a.Want(400, "invalid_token")
			} else if got := a.Want(429, "rate_limited").Header.Get("RateLimit-Policy"); got != `"hour";q=2;w=3600` {
				t.Errorf("the policy is %s", got)
			} else if got := a.Header.Get("Retry-After"); got != fmt.Sprint(3600-10*i) {
				t.Errorf("Retry-After is %s", got)
			}
			h.Clock.Advance(10 * time.Second)
		}
	}, apptest.WithLimits("default: 200 per day, 2 per hour"))
}

func TestEveryLimitIsHeld(t *testing.T) {
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
					t.Errorf("%s: %d, then %d", op.ID, first.Status, second.Status)
				}
				continue
			}
			if first.Status == 429 || first.Header.Get("RateLimit") != `"minute";r=0;t=60` {
				t.Errorf("%s: %d with RateLimit %s", op.ID, first.Status, first.Header.Get("RateLimit"))
			}
			second.Want(429, "rate_limited")
		}
	}, apptest.WithLimits())
}

// L15: the refusal is the same whoever is asked about.
func TestRefusalsAreTheSameForEverybody(t *testing.T) {
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

// L14: a refused request asks no database, reads no body, hashes nothing.
func TestRefusalsCostNothing(t *testing.T) {
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
			t.Error("the body was read")
		}
		if n := h.Passwords().Hashes() - hashes; n != 0 {
			t.Errorf("%d hashes", n)
		}
	}, apptest.WithLimits("login: 1 per minute"))
}

// unread is a body that remembers whether somebody has looked into it.
type unread struct{ read bool }

func (u *unread) Read([]byte) (int, error) { u.read = true; return 0, io.EOF }

func (u *unread) Close() error { return nil }

// Reads are counted in memory: the check of a session must not become a write.
func TestReadsAreLimitedWithoutTheDatabase(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for range 600 {
			b.Call("GET", "/auth/current_user", nil).Want(200, "")
		}
		b.Call("GET", "/auth/current_user", nil).Want(429, "rate_limited")
		b.Call("HEAD", "/auth/current_user", nil)
		b.Call("GET", "/auth/profile", nil).Want(401, "login_required")
		if n := h.Count("SELECT count(*) FROM rate_limits"); n != 0 {
			t.Errorf("%d rows", n)
		}
		for _, path := range []string{"/", "/healthz", "/readyz", "/docs", "/openapi.yaml", "/openapi.json"} {
			for range 10 {
				if a := b.Call("GET", path, nil).Want(200, ""); a.Header.Get("RateLimit") != "" {
					t.Errorf("%s is limited", path)
				}
			}
		}
		h.Clock.Advance(time.Minute)
		b.Call("GET", "/auth/current_user", nil).Want(200, "")
	}, apptest.WithLimits())
}

// R18: a clock that is set back leaves nobody outside for longer than a window,
// and promises no wait that is negative or longer.
func TestLimitsBearAClockThatJumps(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		exhaust := func() {
			t.Helper()
			for range 3 {
				a := b.Call("POST", "/auth/login", apptest.WrongLogin("alice"))
				if wait := a.Header.Get("Retry-After"); a.Status == 429 && wait != "60" {
					t.Errorf("Retry-After is %s", wait)
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

// 6.6.3: tokens cannot be guessed often, in whichever way they are presented.
func TestTokensCannotBeGuessedOften(t *testing.T) {
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
				if i == 50 || r.method == "HEAD" { // counts with GET
					want = 429
				}
				if a := b.Call(r.method, r.path, r.body); a.Status != want {
					t.Fatalf("%s %s, attempt %d: %d, want %d", r.method, r.path, i+1, a.Status, want)
				}
			}
		}
	}, apptest.WithLimits())
}

func TestCountsAreSweptWhenTheirWindowHasEnded(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for i := range 3 {
			h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i))).Want(401, "invalid_credentials")
			h.Clock.Advance(30 * time.Second)
		}
		if text := h.Dump(); strings.Contains(text, "198.51.100") || strings.Contains(text, "alice") {
			t.Errorf("the counts name somebody:\n%s", text)
		}
		if n, err := ratelimit.Sweep(t.Context(), h.DB, h.Now()); err != nil || n != 2 {
			t.Errorf("swept %d, %v", n, err)
		}
		if n := h.Count("SELECT count(*) FROM rate_limits"); n != 1 {
			t.Errorf("%d rows are left", n)
		}
	}, apptest.WithLimits(), apptest.TrustLoopback)
}

func TestTheServedContractSaysWhatIsInForce(t *testing.T) {
	for name, test := range map[string]struct {
		settings string
		want     map[string]string
	}{
		"the contract's": {"", map[string]string{
			"login": "[5 per minute]", "changePassword": "[200 per day 50 per hour]", "getProfile": "[600 per minute in process]", "getHealth": "[]",
		}},
		"others": {"login: 10 per minute; default: 500 per day, 100 per hour; requestReset: 30 per hour; changePassword: 7 per minute; getProfile: 9 per second in process", map[string]string{
			"login": "[10 per minute]", "logout": "[60 per minute]", "deleteAccount": "[500 per day 100 per hour]", "changePassword": "[7 per minute]",
			"requestReset": "[3 per hour per account 30 per hour]", "resendVerification": "[20 per hour 3 per hour per account]", "getProfile": "[9 per second in process]",
		}},
		"none": {"off", map[string]string{"login": "[]", "changePassword": "[]", "getProfile": "[]", "requestReset": "[]"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := apptest.Start(t, dbtest.Open(t, db.SQLite), apptest.WithLimits(test.settings))
			for _, path := range []string{"/openapi.yaml", "/openapi.json"} {
				served, err := contract.Load(h.Browser().Call("GET", path, nil).Want(200, "").Body, nil, ratelimit.Settings{})
				if err != nil {
					t.Fatal(err)
				}
				for id, want := range test.want {
					if got, enforced := fmt.Sprint(served.Operation(id).Limits), fmt.Sprint(h.Contract.Operation(id).Limits); got != want || enforced != want {
						t.Errorf("%s: %s says %s and %s is enforced, want %s", id, path, got, enforced, want)
					}
				}
			}
		})
	}
}

// What cannot be held is not promised: the start fails.
func TestLimitsThatTheContractDoesNotHaveAreRefused(t *testing.T) {
	d := dbtest.Open(t, db.SQLite)
	for settings, want := range map[string]string{
		"logn: 5 per minute":                  `"logn", which is no operation`,
		"getHealth: 5 per minute":             "no limit of the kind",
		"login: 5 per minute per account":     "no limit of the kind",
		"default: 5 per minute per account":   "cannot count per account",
		"login: often":                        "RATE_LIMITS",
		"login: 5 per hour; login: 6 per day": "named twice",
	} {
		cfg := config.Config{Env: "development", CookieSameSite: "lax", SecretKey: "0123456789abcdef0123456789abcdef", RateLimits: settings}
		if _, err := app.New(&cfg, d, app.Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}
