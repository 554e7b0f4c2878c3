package server_test

import (
	"fmt"
	"log/slog"
	"strings"
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

func TestRateLimitSweep_DeletesExpiredCounts(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for i := range 3 {
			h.Browser().Call("POST", "/auth/login", apptest.WrongLogin("alice"), apptest.ForwardedFor(fmt.Sprintf("198.51.100.%d", i))).Want(401, "invalid_credentials")
			h.Clock.Advance(30 * time.Second)
		}
		if text := h.Dump(); strings.Contains(text, "198.51.100") || strings.Contains(text, "alice") {
			t.Errorf("the counts contain personal data:\n%s", text)
		}
		if n, err := ratelimit.Sweep(t.Context(), h.DB, h.Now()); err != nil || n != 2 {
			t.Errorf("got %d rows deleted, %v, want 2", n, err)
		}
		if n := h.Count("SELECT count(*) FROM rate_limits"); n != 1 {
			t.Errorf("got %d rows left, want 1", n)
		}
	}, apptest.WithLimits(), apptest.TrustLoopback)
}

func TestGetContract_ShowsTheEnforcedLimits(t *testing.T) {
	for name, test := range map[string]struct {
		settings string
		want     map[string]string
	}{
		"limits of the contract": {"", map[string]string{
			"login": "[5 per minute]", "changePassword": "[200 per day 50 per hour]", "getProfile": "[600 per minute in process]", "getHealth": "[]",
		}},
		"changed limits": {"login: 10 per minute; default: 500 per day, 100 per hour; requestReset: 30 per hour; changePassword: 7 per minute; getProfile: 9 per second in process", map[string]string{
			"login": "[10 per minute]", "logout": "[60 per minute]", "deleteAccount": "[500 per day 100 per hour]", "changePassword": "[7 per minute]",
			"requestReset": "[3 per hour per account 30 per hour]", "resendVerification": "[20 per hour 3 per hour per account]", "getProfile": "[9 per second in process]",
		}},
		"no limits": {"off", map[string]string{"login": "[]", "changePassword": "[]", "getProfile": "[]", "requestReset": "[]"}},
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
						t.Errorf("%s: got %s in %s and %s enforced, want %s", id, got, path, enforced, want)
					}
				}
			}
		})
	}
}

// The start fails for limits that the server cannot enforce.
func TestRateLimitSettings_InvalidOnesPreventTheStart(t *testing.T) {
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
			t.Errorf("%s: got error %v, want %q", settings, err, want)
		}
	}
}
