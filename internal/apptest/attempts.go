package apptest

import (
	"github.com/techtreks/auth/internal/ratelimit"
)

// CountAttempts counts failures although the server was started without limits.
func (h *Harness) CountAttempts() {
	h.SetLimits(&ratelimit.Limiter{Store: h.DB, Now: h.Clock.Now, Signer: h.Signer}, &ratelimit.Attempts{DB: h.DB, Now: h.Clock.Now, Signer: h.Signer})
}
