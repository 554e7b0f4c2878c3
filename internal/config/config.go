// Package config defines and parses all settings of the server. Only this package
// reads the environment. The exceptions are the standard variables of OpenTelemetry
// (package tracing) and of PostgreSQL's libpq.
//
// [Config] is the manual: every setting is a field with its meaning, unit, default and
// bounds. The command line flags, the environment variables, the text of --help and the
// table in docs/configuration.md come from this struct, so that they always agree.
//
// A value comes from the first of these that has it: the flag, the environment, the
// file .env in the working directory, the default. An empty variable counts as not set,
// because deployment tools pass an empty string for "no value".
//
// [Parse] checks all settings and reports all faults together, so that an operator can
// correct all of them at once. Each fault names its variable. No message and no printed
// form of a Config contains a secret, such as a key or the password in a database URL.
//
// Parse refuses dangerous settings:
//   - in production, a missing, short or published key, and a public address without TLS
//   - always, an allowlist with every origin, and trusted proxies that let every client
//     choose its own address
package config

import (
	"log/slog"
	"net/http"
	"net/mail"
	"strings"
	"time"
)

// Config contains all settings of the server. After [Parse] it is complete and valid.
type Config struct {
	// Addr is the address that the server listens on. Without a host, it listens on all
	// addresses of the machine. Port 0 picks a free port.
	Addr string `group:"Server" env:"ADDR" placeholder:"[HOST]:PORT" standard:":5001" help:"Address to listen on. Without a host, the server listens on all addresses of the machine."`

	// Port is for platforms that provide only a port number. If both come from the same
	// source, ADDR has priority. Otherwise the usual order applies: flag, variable, file.
	// After Parse it is the port of Addr.
	Port int `group:"Server" env:"PORT" placeholder:"PORT" standard:"5001" help:"Port to listen on, on all addresses, 0 to 65535 (0 picks a free port). ADDR has priority if both are set."`

	// Env is development or production. Production uses a Secure cookie with a __Host-
	// name, requires a secret key and hides the documentation.
	Env string `name:"app-env" group:"Server" env:"APP_ENV,FLASK_ENV" placeholder:"NAME" default:"development" help:"development or production."`

	// PublicURL is the address of the server in a browser: scheme, host and optionally a
	// path, without a slash at the end. Links are built from it and never from a request,
	// because any client can set the Host header. If it is empty (in production, or with
	// port 0), the served contract has the relative address "/".
	PublicURL string `name:"public-url" group:"Server" env:"PUBLIC_URL" placeholder:"URL" standard:"in development http://localhost:PORT, in production none" help:"Public address of this server, for links and the served contract. In production https only. Without it, the address in the contract is \"/\"."`

	// TrustedProxies lists the proxies that may set the client address with
	// X-Forwarded-For. A client in this list could bypass every limit per address. After
	// Parse each entry has the form ADDRESS/BITS.
	TrustedProxies []string `group:"Server" env:"TRUSTED_PROXIES" placeholder:"CIDR" standard:"none" help:"Networks or single addresses of the proxies in front of this server, comma-separated, such as 10.0.0.0/8,192.0.2.7. Only these proxies may set the client's address in X-Forwarded-For."`

	// ShutdownDelay gives a load balancer time to notice that the server is not ready,
	// before the server refuses connections.
	ShutdownDelay time.Duration `group:"Server" env:"SHUTDOWN_DELAY" placeholder:"DURATION" default:"1s" help:"How long /readyz answers 503 after SIGTERM before the server stops accepting connections, 0s to 10s."`

	// DatabaseURL may contain the password for PostgreSQL, so it is never printed.
	DatabaseURL Secret `name:"database-url" group:"Database" env:"DATABASE_URL,DATABASE_URL_FILE" placeholder:"URL" default:"sqlite:instance/techtreks.db" help:"sqlite:PATH (folder and file are created) or postgresql://USER:PASSWORD@HOST/NAME. DATABASE_URL_FILE names a file that contains it."`

	// SecretKey contains one or more keys, newest first: the first one signs, all verify.
	// Use [Config.Keys]. Every user of the machine who may list processes can read the
	// flag; prefer the variable or the file.
	SecretKey Secret `group:"Security" env:"SECRET_KEY,SECRET_KEY_FILE,FLASK_SECRET_KEY" placeholder:"KEY,…" standard:"in development a new random key at every start, in production none" help:"Signing keys, comma-separated, newest first; older keys only verify. Required in production, each with 32 bytes or more (openssl rand -base64 32). SECRET_KEY_FILE names a file that contains them."`

	// SecretGenerated reports that SecretKey was generated at this start. Everything
	// signed with it becomes invalid at the next start, so the server logs a warning.
	SecretGenerated bool `kong:"-"`

	// AllowedOrigins lists the web front ends that may send requests with a user's
	// cookie. CORS and the protection against cross-site requests use it. There is no
	// wildcard, because with one every site could use the sessions of its visitors. After
	// Parse, origins have the form that browsers send: lower case, without the default
	// port. The default in production is none: only pages of this host itself may send
	// requests, and not the programs on port 3000 of a visitor's own machine.
	AllowedOrigins []string `group:"Security" env:"ALLOWED_ORIGINS" placeholder:"ORIGIN" standard:"in development http://localhost:3000, in production none" help:"Web front ends that may call this server with cookies, comma-separated, each exactly SCHEME://HOST[:PORT]. No wildcards."`

	// CookieDomain shares the session cookie with every host under a domain. Each of
	// these hosts can overwrite it, so the cookie has no __Host- name then.
	CookieDomain string `group:"Security" env:"COOKIE_DOMAIN" placeholder:"DOMAIN" standard:"none" help:"Domain of the hosts that share the session cookie, such as example.com. Without it, only this host gets the cookie, which is safer."`

	// CookieSameSite is lax unless the front end is on another site than the server.
	// Use [Config.SameSite].
	CookieSameSite string `name:"cookie-samesite" group:"Security" env:"COOKIE_SAMESITE" placeholder:"MODE" default:"lax" help:"lax, strict or none. none is for a front end on another site and needs production, because browsers accept it only with a Secure cookie."`

	// SessionIdle is the sliding lifetime. The database renews it at most once a minute,
	// so it cannot be very short.
	SessionIdle time.Duration `group:"Security" env:"SESSION_IDLE" placeholder:"DURATION" default:"1h" help:"Lifetime of a session without requests, 5m to 168h."`

	// SessionAbsolute limits how long an attacker can use a stolen session, even with
	// constant requests.
	SessionAbsolute time.Duration `group:"Security" env:"SESSION_ABSOLUTE" placeholder:"DURATION" default:"24h" help:"Longest lifetime of a session, from SESSION_IDLE to 720h."`

	// RateLimits replaces limits of the contract; package ratelimit defines the notation.
	// Parse checks the notation only, because the contract defines the operations.
	RateLimits string `group:"Security" env:"RATE_LIMITS" placeholder:"LIMITS" standard:"those in the contract" help:"Limits that replace those of the contract, such as login: 10 per minute; default: 500 per day, 100 per hour. The names are operationIds; docs/limits.md lists them. off disables all limits, which production refuses."`

	// Registration defines who may create an account and when the account works. With
	// verified, no response reveals whether an address has an account; only mails do.
	// Accounts that are not confirmed within seven days are deleted.
	Registration string `group:"Accounts" env:"REGISTRATION" placeholder:"MODE" default:"open" help:"open (an account works immediately), verified (it works after its email address is confirmed; in production this needs MAIL_URL) or closed (administrators create accounts)."`

	// PasswordPolicy is composition for front ends of the Flask system, which explain
	// these rules to users. length follows NIST SP 800-63B-4.
	PasswordPolicy string `group:"Accounts" env:"PASSWORD_POLICY" placeholder:"POLICY" default:"composition" help:"Rules for new passwords: composition (8 characters or more, with upper and lower case, a digit and a special character) or length (15 characters or more). Both refuse common passwords and passwords made from the user's name."`

	// HIBPURL is the service that gets five hexadecimal digits of the hash of each new
	// password, never more. It applies to new passwords only and does not affect logins.
	HIBPURL string `name:"hibp-url" group:"Accounts" env:"HIBP_URL" placeholder:"URL" standard:"none: passwords are not checked for breaches" help:"Service that checks new passwords for breaches, with the range protocol of Have I Been Pwned, such as https://api.pwnedpasswords.com. https only, except on this machine. If it does not respond, passwords are accepted."`

	// VerifyTTL and ResetTTL start at the request and not when the mail is sent. A mail
	// that was delayed for longer than that is not sent.
	VerifyTTL time.Duration `name:"verify-ttl" group:"Accounts" env:"VERIFY_TTL" placeholder:"DURATION" default:"24h" help:"Lifetime of a link that confirms an email address, 5m to 168h."`

	// ResetTTL is short, because anyone who reads the mail can take over the account.
	ResetTTL time.Duration `name:"reset-ttl" group:"Accounts" env:"RESET_TTL" placeholder:"DURATION" default:"1h" help:"Lifetime of a link that sets a new password, 5m to 24h."`

	// InviteTTL is long enough for a user who is invited on a Friday.
	InviteTTL time.Duration `name:"invite-ttl" group:"Accounts" env:"INVITE_TTL" placeholder:"DURATION" default:"72h" help:"Lifetime of an invitation, 5m to 720h."`

	// MailURL is the address of the mail server and contains the password for it.
	MailURL Secret `name:"mail-url" group:"Mail" env:"MAIL_URL,MAIL_URL_FILE" placeholder:"URL" standard:"none: development shows mails instead of sending them, production writes none" help:"Mail server: smtp://USER:PASSWORD@HOST:587 (with STARTTLS, which production requires except on this machine) or smtps://USER:PASSWORD@HOST:465. MAIL_URL_FILE names a file that contains it."`

	// MailFrom is the sender of every mail: an address, with or without a name. Use
	// [Config.MailSender].
	MailFrom string `name:"mail-from" group:"Mail" env:"MAIL_FROM" placeholder:"SENDER" standard:"in development TechTreks <no-reply@localhost>, in production none" help:"Sender of every mail, NAME <ADDRESS> or ADDRESS. In production required with MAIL_URL."`

	// ProductName is what mails call the service: in subjects, sentences and the footer.
	// After Parse it is empty only on a production server without a MAIL_FROM.
	ProductName string `group:"Mail" env:"PRODUCT_NAME" placeholder:"NAME" standard:"the name in MAIL_FROM, or its domain" help:"Name of the product in mails, up to 60 characters."`

	// SupportEmail is the contact address in mails, for example for users who did not
	// change their email address themselves. Use [Config.Support].
	SupportEmail string `group:"Mail" env:"SUPPORT_EMAIL" placeholder:"ADDRESS" standard:"none" help:"Address of the support, shown in mails."`

	// SupportURL is a page for the same purpose, such as a help center.
	SupportURL string `name:"support-url" group:"Mail" env:"SUPPORT_URL" placeholder:"URL" standard:"none" help:"Page of the support, shown in mails. Used instead of SUPPORT_EMAIL if both are set. In production https only."`

	// MailTemplates is a folder with files that replace the built-in templates.
	MailTemplates string `name:"mail-templates" group:"Mail" env:"MAIL_TEMPLATES" placeholder:"FOLDER" standard:"none" help:"Folder with mail templates that replace the built-in ones, file by file; docs/mail.md lists them."`

	// FrontendURL is the base address of the links in mails: scheme, host and optionally
	// a path, without a slash at the end. It is never taken from a request, because any
	// client can set the Host header.
	FrontendURL string `name:"frontend-url" group:"Mail" env:"FRONTEND_URL" placeholder:"URL" standard:"in development http://localhost:3000, in production none" help:"Address of the web front end, for links in mails. In production https only, and required with MAIL_URL."`

	// AuditRetention is how long events stay in the audit trail. With less than a day,
	// events would be deleted before an operator looks at them. 0 keeps them for ever, for
	// operators who delete them by other means.
	AuditRetention Period `group:"Operation" env:"AUDIT_RETENTION" placeholder:"DURATION" default:"90d" help:"How long events stay in the audit trail, 1d to 3650d. 0 keeps them for ever."`

	// Docs is nil if it is not set. Use [Config.ServeDocs].
	Docs *bool `negatable:"" group:"Operation" env:"DOCS" standard:"true in development, false in production" help:"Serve /docs, /openapi.yaml and /openapi.json."`

	// Web enables the web app. The program contains it if Node was installed at make build.
	Web bool `group:"Operation" env:"WEB" default:"false" help:"Serve the web app under /app/. FRONTEND_URL then defaults to PUBLIC_URL/app."`

	// LogLevel is the lowest level that is logged. Use [Config.Level].
	LogLevel string `group:"Operation" env:"LOG_LEVEL" placeholder:"LEVEL" default:"info" help:"debug, info, warn or error."`

	// LogFile gets a copy of the log. The log also goes to standard output, where process
	// managers expect it.
	LogFile string `group:"Operation" env:"LOG_FILE" placeholder:"PATH" standard:"none" help:"File for a copy of the log, in an existing folder. It is rotated at 10 MiB; the last 10 rotated files are kept. Only one process may write to a file."`

	// MetricsAddr is a separate listener, because metrics are for operators only. It is
	// never the public port; best is an address that only operators can reach.
	MetricsAddr string `group:"Operation" env:"METRICS_ADDR" placeholder:"[HOST]:PORT" standard:"none: no metrics are served" help:"Address of /metrics for Prometheus, such as 127.0.0.1:9090; never the port of the server itself. Everyone who can reach this address can read the metrics."`

	// VerifyResponses is for test systems. It buffers every response and checks it
	// against the contract.
	VerifyResponses bool `group:"Operation" env:"VERIFY_RESPONSES" default:"false" help:"Check every response against the contract; log and count violations. Costs time and memory."`
}

// Production reports whether this is a production server.
func (c Config) Production() bool { return c.Env == "production" }

// CookieSecure reports whether the session cookie is sent over TLS only.
func (c Config) CookieSecure() bool { return c.Production() }

// CookieName returns the name of the session cookie. Browsers enforce its prefix: no
// other host can set a __Host- cookie, and no plain HTTP response can set a __Host- or
// __Secure- cookie. Development has no TLS and therefore no prefix.
func (c Config) CookieName() string {
	switch {
	case !c.Production():
		return "session"
	case c.CookieDomain != "":
		return "__Secure-session"
	default:
		return "__Host-session"
	}
}

// SameSite returns CookieSameSite as a value of net/http.
func (c Config) SameSite() http.SameSite {
	switch c.CookieSameSite {
	case "strict":
		return http.SameSiteStrictMode
	case "none":
		return http.SameSiteNoneMode
	default:
		return http.SameSiteLaxMode
	}
}

// SendsMail reports whether the server writes mails. Production without a mail server
// writes none. Development without one writes mails and shows them.
func (c Config) SendsMail() bool { return c.MailURL != "" || !c.Production() }

// MailSender returns MailFrom with its domain in ASCII.
func (c Config) MailSender() mail.Address {
	from, _ := sender(c.MailFrom)
	return from
}

// Keys returns the signing keys, newest first.
func (c Config) Keys() [][]byte {
	var keys [][]byte
	for key := range strings.SplitSeq(string(c.SecretKey), ",") {
		if key = strings.TrimSpace(key); key != "" {
			keys = append(keys, []byte(key))
		}
	}
	return keys
}

// ServeDocs reports whether the server serves the contract and its documentation.
func (c Config) ServeDocs() bool {
	if c.Docs != nil {
		return *c.Docs
	}
	return !c.Production()
}

// Level returns LogLevel as a value of log/slog.
func (c Config) Level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// settings makes every struct that embeds a Config a [CLI].
func (c *Config) settings() *Config { return c }
