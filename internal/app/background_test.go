package app_test

import (
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// A panic in one sweep ends neither the server nor the sweeps after it.
func TestSweepAll_SurvivesPanic(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Browser().Register("alice")
		h.Exec("INSERT INTO rate_limits (key, hits, expires_at) SELECT 'expired', 1, created_at FROM users")
		h.Sessions.DB = nil
		h.SweepAll(t.Context())
		if n := h.Count("SELECT count(*) FROM rate_limits"); n != 0 {
			t.Errorf("got %d expired counts, want 0", n)
		}
		if log := h.Logs.String(); !strings.Contains(log, "panic while sweeping") || !strings.Contains(log, "sys_crash") {
			t.Errorf("got the log\n%s", log)
		}
	})
}
