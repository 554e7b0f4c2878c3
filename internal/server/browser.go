package server

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"github.com/techtreks/auth/internal/audit"
)

// contentSecurityPolicy lets a browser that renders an answer of the API do
// nothing with it. The documentation page has its own.
const contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'"

// vary names the request headers that can change an answer (for caches that do
// not honour no-store).
const vary = "Origin, Cookie, Sec-Fetch-Site"

// securityHeaders puts the headers for browsers on every answer, errors
// included (ASVS 5.0.0-3.4.x, OWASP HTTP Headers cheat sheet).
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
	// Off, not "1; mode=block": the filters this once steered could be turned
	// against the page.
	header.Set("X-XSS-Protection", "0")
	if s.Production {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	c.Writer = &charsetWriter{ResponseWriter: c.Writer}
}

// charsetWriter adds the character set to the media types of text, which the
// generated code leaves out (ASVS 5.0.0-4.1.1).
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

// checkOrigin refuses requests that a page from elsewhere has sent: those that
// change something by what the browser says about them (cross-site request
// forgery; logging somebody in is such a change too), and any that names an
// origin which is not on the list. CORS alone would run the request and only
// hide the answer.
func (s *Server) checkOrigin() (gin.HandlerFunc, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range s.AllowedOrigins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return func(c *gin.Context) {
		if err := protection.Check(c.Request); err != nil {
			s.note(c.Request.Context(), audit.Entry{Event: audit.MaliciousCSRF, Reason: errCrossOrigin.Code})
			s.fail(c, errCrossOrigin.Because(err))
			return
		}
		if origin := c.GetHeader("Origin"); origin != "" && !s.originAllowed(origin, c.Request.Host) {
			s.note(c.Request.Context(), audit.Entry{Event: audit.MaliciousCORS, Reason: errCrossOrigin.Code})
			s.fail(c, errCrossOrigin)
		}
	}, nil
}

// originAllowed compares whole origins, scheme included: a page that came over
// http can be anybody's (gorilla/csrf CVE-2025-47909).
func (s *Server) originAllowed(origin, host string) bool {
	own := origin == "https://"+host || !s.Production && origin == "http://"+host
	return own || slices.Contains(s.AllowedOrigins, origin)
}

// allowOrigins answers preflight requests and puts the CORS headers on the
// answers for the pages on the list.
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
			return // asks for the methods, not for permission
		}
		apply(c)
		if !c.IsAborted() {
			// The middleware replaces the header by "Origin" alone.
			c.Header("Vary", vary)
		}
	}
}
