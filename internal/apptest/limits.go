package apptest

import (
	"net/http"
	"strings"

	"github.com/techtreks/auth/internal/config"
)

// WithLimits switches limits on. Without an argument they are those of the contract.
func WithLimits(settings ...string) func(*config.Config) {
	return func(c *config.Config) { c.RateLimits = strings.Join(settings, "; ") }
}

// ForwardedFor is a request of some client through the trusted proxy.
func ForwardedFor(ip string) func(*http.Request) { return Header("X-Forwarded-For", ip) }

func WrongLogin(username string) Members {
	return Members{"username": username, "password": "Wrong-passw0rd"}
}
