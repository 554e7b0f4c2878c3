package apptest

import (
	"strings"

	"github.com/techtreks/auth/internal/config"
)

// DevOrigin and ProdOrigin are the allowed origins in development and in production.
const DevOrigin, ProdOrigin = "http://localhost:3000", "https://app.example.com"

// Production configures the server for production.
func Production(c *config.Config) {
	c.Env = "production"
	c.PublicURL = "https://auth.example.com"
	c.AllowedOrigins = []string{"https://app.example.com"}
}

// WithRegistration sets REGISTRATION.
func WithRegistration(mode string) func(*config.Config) {
	return func(c *config.Config) { c.Registration = mode }
}

// WithLimits enables rate limits: those of the contract, or the given settings.
func WithLimits(settings ...string) func(*config.Config) {
	return func(c *config.Config) { c.RateLimits = strings.Join(settings, "; ") }
}

// TrustLoopback makes the test client a trusted proxy.
func TrustLoopback(c *config.Config) { c.TrustedProxies = []string{"127.0.0.1/32", "10.0.0.0/8"} }
