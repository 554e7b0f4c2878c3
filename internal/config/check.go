package config

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/ratelimit"
)

// The bounds in the help texts.
const (
	defaultPort        = 5001
	minKeyBytes        = 32
	minSessionIdle     = 5 * time.Minute
	maxSessionIdle     = 7 * 24 * time.Hour
	maxSessionAbsolute = 30 * 24 * time.Hour
	maxShutdownDelay   = 10 * time.Second
	minAuditRetention  = 24 * time.Hour
	maxAuditRetention  = 3650 * 24 * time.Hour
	minTokenLife       = 5 * time.Minute
	maxVerifyTTL       = 7 * 24 * time.Hour
	maxResetTTL        = 24 * time.Hour
	maxInviteTTL       = 30 * 24 * time.Hour
	maxFrontendURL     = 1900 // bytes, so that a link with its token stays under 2000
	maxSenderName      = 100  // bytes
	maxProductName     = 60   // characters, so that it fits into a subject
	maxSupportURL      = 500  // bytes
)

// tutorialKey is the public key from the tutorial that the Flask system is based on.
// Anyone could sign with it.
const tutorialKey = "dev-secret-change-in-production"

// complete sets defaults that depend on other settings and brings every value into its
// canonical form. It leaves invalid values unchanged, so that faults reports them.
func (c *Config) complete(rank map[string]int) {
	if c.Addr == "" || rank["port"] > rank["addr"] {
		if rank["port"] == fromDefault {
			c.Port = defaultPort
		}
		c.Addr = net.JoinHostPort("", strconv.Itoa(c.Port))
	}
	_, port, addrOK := splitAddr(c.Addr)
	if addrOK {
		c.Port = port
	}
	c.Env = strings.ToLower(c.Env)
	c.CookieSameSite = strings.ToLower(c.CookieSameSite)
	c.LogLevel = strings.ToLower(c.LogLevel)
	c.Registration = strings.ToLower(c.Registration)
	c.PasswordPolicy = strings.ToLower(c.PasswordPolicy)
	c.CookieDomain = strings.ToLower(c.CookieDomain)
	if len(c.CookieDomain) > 1 {
		// A leading dot is an old notation for the same domain.
		c.CookieDomain = strings.TrimPrefix(c.CookieDomain, ".")
	}
	if len(c.AllowedOrigins) == 0 && !c.Production() {
		c.AllowedOrigins = []string{"http://localhost:3000"}
	}
	c.AllowedOrigins = canonicalize(c.AllowedOrigins, origin)
	c.TrustedProxies = canonicalize(c.TrustedProxies, network)

	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.PublicURL == "" && !c.Production() && addrOK && port != 0 {
		c.PublicURL = "http://localhost:" + strconv.Itoa(c.Port)
	}
	c.HIBPURL = strings.TrimSuffix(c.HIBPURL, "/")
	c.FrontendURL = strings.TrimSuffix(c.FrontendURL, "/")
	if c.FrontendURL == "" && c.Web && c.PublicURL != "" {
		c.FrontendURL = c.PublicURL + "/app"
	}
	if c.FrontendURL == "" && !c.Production() {
		c.FrontendURL = "http://localhost:3000"
	}
	if c.MailFrom == "" && !c.Production() {
		c.MailFrom = "TechTreks <no-reply@localhost>"
	}
	c.SupportURL = strings.TrimSuffix(c.SupportURL, "/")
	c.ProductName = strings.TrimSpace(c.ProductName)
	if from := c.MailSender(); c.ProductName == "" {
		c.ProductName = from.Name
		if c.ProductName == "" {
			_, c.ProductName, _ = strings.Cut(from.Address, "@")
		}
	}
	if c.SecretKey == "" && !c.Production() {
		key := make([]byte, minKeyBytes)
		_, _ = rand.Read(key) // never fails
		c.SecretKey, c.SecretGenerated = Secret(base64.RawURLEncoding.EncodeToString(key)), true
	}
}

// faults returns all faults, in the order of the fields. No message contains a value:
// even the value of a harmless setting may be a secret on the wrong line.
func (c *Config) faults(keyless bool) []string {
	keys := c.Keys()
	isShort := func(key []byte) bool { return len(key) < minKeyBytes }
	isPublished := func(key []byte) bool { return string(key) == tutorialKey }
	_, _, addrOK := splitAddr(c.Addr)
	_, metricsPort, metricsOK := splitAddr(c.MetricsAddr)
	idleOK := c.SessionIdle >= minSessionIdle && c.SessionIdle <= maxSessionIdle
	_, senderOK := sender(c.MailFrom)
	sends := c.Production() && c.MailURL != ""
	limits, limitsErr := ratelimit.ParseSettings(c.RateLimits)

	var found []string
	for _, rule := range []struct {
		bad     bool
		message string
	}{
		{!addrOK,
			"ADDR (or PORT) must be HOST:PORT or :PORT with a port from 0 to 65535"},
		{c.Env != "development" && c.Env != "production",
			"APP_ENV (or FLASK_ENV) must be development or production"},
		{c.PublicURL != "" && !isPublicURL(c.PublicURL),
			"PUBLIC_URL must be a URL like https://auth.example.com, without user, query or fragment"},
		{c.Production() && c.PublicURL != "" && !strings.HasPrefix(strings.ToLower(c.PublicURL), "https:"),
			"PUBLIC_URL must begin with https:// in production"},
		{!allValid(c.TrustedProxies, network),
			"TRUSTED_PROXIES must list networks such as 10.0.0.0/8 or single addresses; it cannot trust large parts of the Internet"},
		{c.ShutdownDelay < 0 || c.ShutdownDelay > maxShutdownDelay,
			"SHUTDOWN_DELAY must be between 0s and 10s"},
		{!isDatabaseURL(string(c.DatabaseURL)),
			"DATABASE_URL must be sqlite:PATH or postgresql://USER:PASSWORD@HOST/NAME"},
		{c.SecretKey == "" && !keyless,
			"SECRET_KEY is required in production: set it to the output of `openssl rand -base64 32`"},
		{c.SecretKey != "" && len(keys) != strings.Count(string(c.SecretKey), ",")+1,
			"SECRET_KEY has an empty key in its list"},
		{c.Production() && slices.ContainsFunc(keys, isPublished),
			"SECRET_KEY holds the key printed in the tutorial, which is public"},
		{c.Production() && slices.ContainsFunc(keys, isShort),
			"SECRET_KEY holds a key of less than 32 bytes"},
		{c.AllowedOrigins != nil && len(c.AllowedOrigins) == 0 || !allValid(c.AllowedOrigins, origin),
			"ALLOWED_ORIGINS must list origins of the form http(s)://HOST[:PORT], with no path, no wildcard, not null"},
		{c.CookieDomain != "" && !isDomain(c.CookieDomain),
			"COOKIE_DOMAIN must be a domain name of two labels or more such as example.com, without scheme or port"},
		{!slices.Contains([]string{"lax", "strict", "none"}, c.CookieSameSite),
			"COOKIE_SAMESITE must be lax, strict or none"},
		{c.CookieSameSite == "none" && !c.CookieSecure(),
			"COOKIE_SAMESITE=none needs APP_ENV=production: browsers accept such a cookie only if it is Secure"},
		{!idleOK,
			"SESSION_IDLE must be between 5m and 168h"},
		{c.SessionAbsolute > maxSessionAbsolute || c.SessionAbsolute < c.SessionIdle && idleOK || c.SessionAbsolute < minSessionIdle,
			"SESSION_ABSOLUTE must be between SESSION_IDLE and 720h"},
		{limitsErr != nil,
			"RATE_LIMITS must be off, or OPERATION: LIMIT, LIMIT; OPERATION: LIMIT with limits such as 5 per minute"},
		{limits.Off && c.Production(),
			"RATE_LIMITS=off is refused in production: attackers could guess passwords as fast as the server can hash"},
		{!slices.Contains([]string{"open", "verified", "closed"}, c.Registration),
			"REGISTRATION must be open, verified or closed"},
		{c.Registration == "verified" && c.Production() && c.MailURL == "",
			"REGISTRATION=verified needs MAIL_URL in production: without mail, new users could never log in"},
		{c.PasswordPolicy != "composition" && c.PasswordPolicy != "length",
			"PASSWORD_POLICY must be composition or length"},
		{c.HIBPURL != "" && !isPublicURL(c.HIBPURL),
			"HIBP_URL must be a URL like https://api.pwnedpasswords.com, without user, query or fragment"},
		{isPublicURL(c.HIBPURL) && !isTLSOrLoopback(c.HIBPURL),
			"HIBP_URL must begin with https://, except on this machine"},
		{c.VerifyTTL < minTokenLife || c.VerifyTTL > maxVerifyTTL,
			"VERIFY_TTL must be between 5m and 168h"},
		{c.ResetTTL < minTokenLife || c.ResetTTL > maxResetTTL,
			"RESET_TTL must be between 5m and 24h"},
		{c.InviteTTL < minTokenLife || c.InviteTTL > maxInviteTTL,
			"INVITE_TTL must be between 5m and 720h"},
		{c.MailURL != "" && !isMailURL(string(c.MailURL)),
			"MAIL_URL must be smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT, special characters of user and password percent-encoded"},
		{c.MailFrom != "" && !senderOK,
			"MAIL_FROM must be an address or NAME <ADDRESS>"},
		{sends && c.MailFrom == "",
			"MAIL_FROM is required in production with MAIL_URL"},
		{sends && senderOK && strings.HasSuffix(c.MailSender().Address, "@localhost"),
			"MAIL_FROM must be an address that can be written to, in production with MAIL_URL"},
		{c.ProductName != "" && !isProductName(c.ProductName),
			"PRODUCT_NAME must be a name of up to 60 characters on one line"},
		{c.SupportEmail != "" && !isAddress(c.SupportEmail),
			"SUPPORT_EMAIL must be an email address"},
		{c.SupportURL != "" && (!isPublicURL(c.SupportURL) || len(c.SupportURL) > maxSupportURL),
			"SUPPORT_URL must be a URL like https://example.com/support, without user, query or fragment"},
		{c.Production() && c.SupportURL != "" && !strings.HasPrefix(strings.ToLower(c.SupportURL), "https:"),
			"SUPPORT_URL must begin with https:// in production"},
		{c.FrontendURL != "" && (!isPublicURL(c.FrontendURL) || len(c.FrontendURL) > maxFrontendURL),
			"FRONTEND_URL must be a URL like https://app.example.com, without user, query or fragment"},
		{c.Production() && c.FrontendURL != "" && !strings.HasPrefix(strings.ToLower(c.FrontendURL), "https:"),
			"FRONTEND_URL must begin with https:// in production"},
		{sends && c.FrontendURL == "",
			"FRONTEND_URL is required in production with MAIL_URL"},
		{c.AuditRetention != 0 && (time.Duration(c.AuditRetention) < minAuditRetention || time.Duration(c.AuditRetention) > maxAuditRetention),
			"AUDIT_RETENTION must be between 1d and 3650d, or 0"},
		{!slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel),
			"LOG_LEVEL must be debug, info, warn or error"},
		{c.MetricsAddr != "" && !metricsOK,
			"METRICS_ADDR must be HOST:PORT or :PORT with a port from 0 to 65535"},
		{c.MetricsAddr != "" && metricsOK && metricsPort != 0 && metricsPort == c.Port,
			"METRICS_ADDR must have another port than ADDR: metrics must not be public"},
	} {
		if rule.bad {
			found = append(found, rule.message)
		}
	}
	return found
}

// canonicalize drops empty entries, trims the others and replaces valid entries by
// their canonical form.
func canonicalize(list []string, canonical func(string) (string, bool)) []string {
	if list == nil {
		return nil // not set, which differs from an empty list
	}
	out := []string{}
	for _, entry := range list {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		if s, ok := canonical(entry); ok {
			entry = s
		}
		out = append(out, entry)
	}
	return out
}

func allValid(list []string, canonical func(string) (string, bool)) bool {
	return !slices.ContainsFunc(list, func(s string) bool { _, ok := canonical(s); return !ok })
}

func splitAddr(addr string) (host string, port int, ok bool) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, false
	}
	port, ok = portNumber(text, 0)
	return host, port, ok && (host == "" || isHost(host))
}

func portNumber(text string, least int) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= least && n <= 65535 && text == strconv.Itoa(n)
}

// hostName matches host names as browsers send them: in ASCII, internationalised names
// in punycode.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*$`)

func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return len(s) <= 253 && hostName.MatchString(strings.ToLower(s))
}

// isDomain accepts domains for a shared cookie: a name with a dot, not an IP address.
func isDomain(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.Contains(s, ".") && isHost(s) && last[0] >= 'a' && last[0] <= 'z'
}

// origin returns a web origin in the form that browsers send. An entry in any other
// form would never match, without an error message.
func origin(s string) (string, bool) {
	u, ok := webURL(strings.TrimSuffix(s, "/"))
	if !ok || u.Path != "" {
		return "", false
	}
	host, port := strings.ToLower(u.Host), u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host, true
}

func isPublicURL(s string) bool {
	_, ok := webURL(s)
	return ok
}

// isTLSOrLoopback reports whether requests to a URL cannot be read on the network,
// because it uses TLS or is on this machine.
func isTLSOrLoopback(s string) bool {
	u, ok := webURL(s)
	if !ok {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// webURL parses http(s)://HOST[:PORT] with an optional path.
func webURL(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.ContainsAny(s, "?#") || !isHost(u.Hostname()) {
		return nil, false
	}
	want := u.Hostname()
	if strings.Contains(want, ":") {
		want = "[" + want + "]"
	}
	if u.Port() != "" {
		if _, ok := portNumber(u.Port(), 1); !ok {
			return nil, false
		}
		want += ":" + u.Port()
	}
	return u, u.Host == want // not "host:"
}

// network returns a network or single address as ADDRESS/BITS. It rejects networks of
// all addresses: with one of them, every client could choose its own address and bypass
// all limits per address.
func network(s string) (string, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return fmt.Sprintf("%s/%d", addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Bits() < minProxyBits(p.Addr()) || p.Addr().Is4In6() {
		return "", false
	}
	return p.Masked().String(), true
}

// minProxyBits limits the size of a trusted network. No private network is larger than
// 10.0.0.0/8 and fc00::/7. A check for /0 only would not be enough, because 0.0.0.0/1
// and 128.0.0.0/1 together contain all addresses too.
func minProxyBits(addr netip.Addr) int {
	switch {
	case addr.Is4():
		return 8
	case addr.IsPrivate():
		return 7
	default:
		return 16
	}
}

// isDatabaseURL checks only the scheme; package db checks the rest.
func isDatabaseURL(s string) bool {
	scheme, rest, _ := strings.Cut(s, ":")
	scheme, _, _ = strings.Cut(strings.ToLower(scheme), "+") // without SQLAlchemy's driver
	return rest != "" && (scheme == "sqlite" || scheme == "postgres" || scheme == "postgresql")
}

// isMailURL accepts smtp(s)://[USER:PASSWORD@]HOST[:PORT] with nothing after it.
func isMailURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.ContainsAny(s, "?#") || u.Path != "" && u.Path != "/" || !isHost(u.Hostname()) {
		return false
	}
	if u.User != nil {
		if password, ok := u.User.Password(); !ok || password == "" || u.User.Username() == "" {
			return false
		}
	}
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	_, ok := portNumber(u.Port(), 1)
	return ok || u.Port() == ""
}

// sender parses the From of mails and returns it with the domain in ASCII, which mail
// servers require. It also accepts localhost, for servers that send no mail.
func sender(s string) (mail.Address, bool) {
	a, err := mail.ParseAddress(s)
	if err != nil || len(a.Name) > maxSenderName || strings.ContainsFunc(a.Name, unicode.IsControl) {
		return mail.Address{}, false
	}
	if local, ok := strings.CutSuffix(a.Address, "@localhost"); ok {
		_, err := email.Parse(local + "@localhost.invalid")
		return *a, err == nil
	}
	address, err := email.Parse(a.Address)
	if err != nil {
		return mail.Address{}, false
	}
	return mail.Address{Name: a.Name, Address: address.Mailbox()}, true
}
