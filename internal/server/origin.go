package server

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/audit"
	"github.com/techtreks/auth/internal/problem"
)

// contentSecurityPolicy lets a browser that renders an answer of the API do nothing with
// it. The documentation page has its own.
const contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'"

// vary names the request headers that can change an answer, for caches that ignore
// no-store.
const vary = "Origin, Cookie, Sec-Fetch-Site"

// securityHeaders sets the headers for browsers on every answer, errors included (ASVS
// 5.0.0-3.4.x, OWASP HTTP Headers cheat sheet).
func (s *Server) securityHeaders(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-site")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Vary", vary)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	// Off, not "1; mode=block": the filters that it controlled could be turned against the
	// page.
	header.Set("X-XSS-Protection", "0")
	if s.Production {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	c.Writer = &charsetWriter{ResponseWriter: c.Writer}
}

// charsetWriter adds the character set to text media types, which the generated code
// leaves out (ASVS 5.0.0-4.1.1).
type charsetWriter struct {
	gin.ResponseWriter
}

func (w *charsetWriter) Write(b []byte) (int, error) {
	w.complete()
	return w.ResponseWriter.Write(b)
}

func (w *charsetWriter) WriteString(s string) (int, error) {
	w.complete()
	return w.ResponseWriter.WriteString(s)
}

func (w *charsetWriter) complete() {
	header := w.Header()
	switch t := header.Get("Content-Type"); t {
	case "application/json", "application/yaml", "text/plain", "text/html", "text/css", "text/javascript":
		header.Set("Content-Type", t+"; charset=utf-8")
	}
}

// checkOrigin rejects requests of pages from other origins: unsafe methods by what the
// browser sends about them (cross-site request forgery, login included), and every
// request with an Origin that is not allowed. CORS alone would execute the request and
// only hide the answer.
func (s *Server) checkOrigin() (gin.HandlerFunc, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range s.AllowedOrigins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return func(c *gin.Context) {
		if err := protection.Check(c.Request); err != nil {
			s.Fail(c, problem.CrossOriginRefused.Because(err).RecordedAs(string(audit.MaliciousCSRF)))
			return
		}
		if origin := c.GetHeader("Origin"); origin != "" && !s.originAllowed(origin, c.Request.Host) {
			s.Fail(c, problem.CrossOriginRefused.RecordedAs(string(audit.MaliciousCORS)))
		}
	}, nil
}

// originAllowed compares whole origins, scheme included: an attacker in the network can
// answer for a page that came by http (gorilla/csrf CVE-2025-47909).
func (s *Server) originAllowed(origin, host string) bool {
	own := origin == "https://"+host || !s.Production && origin == "http://"+host
	return own || slices.Contains(s.AllowedOrigins, origin)
}

// allowOrigins answers preflight requests and sets the CORS headers for allowed origins.
func (s *Server) allowOrigins() gin.HandlerFunc {
	if len(s.AllowedOrigins) == 0 {
		return func(*gin.Context) {}
	}
	apply := cors.New(cors.Config{
		AllowOrigins:     s.AllowedOrigins,
		AllowMethods:     []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"},
		AllowHeaders:     []string{"Content-Type", "Authorization"},
		ExposeHeaders:    []string{"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"},
		AllowCredentials: true,
		MaxAge:           10 * time.Minute,
	})
	return func(c *gin.Context) {
		preflight := c.Request.Method == http.MethodOptions
		if preflight && c.GetHeader("Access-Control-Request-Method") == "" {
			return // a plain OPTIONS, not a preflight request
		}
		apply(c)
		if !c.IsAborted() {
			// The middleware replaces the header with "Origin" alone.
			c.Header("Vary", vary)
		}
	}
}
