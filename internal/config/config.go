// Package config is the one place that knows what can be set about the server, and
// the only code that reads the environment, but for what others have standardised:
// the variables of OpenTelemetry (package tracing) and of PostgreSQL's libpq.
//
// [Config] is the manual: every setting is a field with its meaning, unit, default and
// bounds beside it. The same struct makes the command line flags, the environment
// variables, the text of --help and the table in docs/configuration.md, so these
// cannot disagree.
//
// A value comes from the first of these that has it: the flag, the environment, the
// file .env in the working directory, the default. A variable that is set but empty
// counts as not set, because that is what deployment tools pass on for "nothing".
//
// [Parse] checks everything and reports all faults at once, each naming its variable,
// so that a wrong deployment is put right in one go. No message and no printed form of
// a Config contains a secret: not a key, not the password in a database URL.
//
// What must not happen silently is refused: in production a missing, short or published
// key, a public address without TLS, an origin list that lets everyone in, a proxy list
// that lets every client choose its own address.
package config

import (
	"log/slog"
	"net/http"
	"net/mail"
	"strings"
	"time"
)

// Config is every setting of the server. After [Parse] it is complete and valid.
type Config struct {
	// Addr is where the server listens. Without a host it listens on every address of
	// the machine; port 0 takes a free one.
	Addr string `group:"Server" env:"ADDR" placeholder:"[HOST]:PORT" standard:":5001" help:"Address to listen on; without a host, on all addresses of the machine."`

	// Port is for platforms that hand out a port number and nothing else. Where both
	// come from the same place, ADDR wins; a flag still goes before a variable, and a
	// variable before the file. After Parse it is the port of Addr.
	Port int `group:"Server" env:"PORT" placeholder:"PORT" standard:"5001" help:"Port to listen on, on all addresses, 0 to 65535 (0 takes a free one). ADDR goes first where both are set."`

	// Env decides between convenience and caution: production means a Secure cookie
	// with a __Host- name, demands a key of its own and hides the documentation.
	Env string `name:"app-env" group:"Server" env:"APP_ENV,FLASK_ENV" placeholder:"NAME" default:"development" help:"development or production."`

	// PublicURL is what people have in their address bar: scheme, host, perhaps a path,
	// no slash at the end. Links are built from it and never from a request, whose Host
	// header anyone can write. Empty (in production, or with port 0) means that the contract is
	// served with the relative address "/".
	PublicURL string `name:"public-url" group:"Server" env:"PUBLIC_URL" placeholder:"URL" standard:"in development http://localhost:PORT, in production none" help:"Public address of this server, for links and the served contract. In production https only; without it the contract says \"/\"."`

	// TrustedProxies lists who may say, in X-Forwarded-For, which address a request came
	// from. Whoever is believed here can get around every limit per address. After
	// Parse each entry has the form ADDRESS/BITS.
	TrustedProxies []string `group:"Server" env:"TRUSTED_PROXIES" placeholder:"CIDR" standard:"none" help:"Networks or single addresses of the proxies in front of this server, comma-separated, such as 10.0.0.0/8,192.0.2.7. Only they are believed about the client's address."`

	// ShutdownDelay gives a load balancer time to see that readiness has gone before
	// connections are refused.
	ShutdownDelay time.Duration `group:"Server" env:"SHUTDOWN_DELAY" placeholder:"DURATION" default:"1s" help:"On SIGTERM, how long /readyz answers 503 before the server stops taking connections, 0s to 10s."`

	// DatabaseURL holds a password in the case of PostgreSQL, so it is never printed.
	DatabaseURL Secret `name:"database-url" group:"Database" env:"DATABASE_URL,DATABASE_URL_FILE" placeholder:"URL" default:"sqlite:instance/techtreks.db" help:"sqlite:PATH (folder and file are made) or postgresql://USER:PASSWORD@HOST/NAME. DATABASE_URL_FILE names a file that holds it."`

	// SecretKey holds one or more keys, newest first: the first one signs, all verify.
	// Use [Config.Keys]. As a flag it can be read by everyone on the machine who may
	// list processes; prefer the variable or the file.
	SecretKey Secret `group:"Security" env:"SECRET_KEY,SECRET_KEY_FILE,FLASK_SECRET_KEY" placeholder:"KEY,…" standard:"in development a new random key at every start, in production none" help:"Keys for signing, comma-separated, newest first; old ones only verify. In production required, each of 32 bytes or more (openssl rand -base64 32). SECRET_KEY_FILE names a file that holds them."`

	// SecretGenerated says that SecretKey was made up at this start, so that whatever is
	// signed with it will be refused after the next one. Worth a warning in the log.
	SecretGenerated bool `kong:"-"`

	// AllowedOrigins are the web front ends that may call with a person's cookie. CORS
	// and the protection against cross-site requests both read it. There is no
	// wildcard: one would lend every site its visitors' sessions. After Parse they are
	// spelled as browsers do, lower case and without the scheme's own port. Production
	// starts with none, for pages served by this host itself: what runs on port 3000 of a
	// visitor's own machine is nobody we know.
	AllowedOrigins []string `group:"Security" env:"ALLOWED_ORIGINS" placeholder:"ORIGIN" standard:"in development http://localhost:3000, in production none" help:"Web front ends that may call this server with cookies, comma-separated, each exactly SCHEME://HOST[:PORT]. No wildcards."`

	// CookieDomain shares the session cookie with every host under a domain. Any of
	// them can then overwrite it, so the cookie loses its __Host- name.
	CookieDomain string `group:"Security" env:"COOKIE_DOMAIN" placeholder:"DOMAIN" standard:"none" help:"Domain whose hosts share the session cookie, such as example.com. Without it the cookie belongs to this host alone, which is safer."`

	// CookieSameSite is lax unless the front end lives on another site than the server.
	// Use [Config.SameSite].
	CookieSameSite string `name:"cookie-samesite" group:"Security" env:"COOKIE_SAMESITE" placeholder:"MODE" default:"lax" help:"lax, strict or none. none is for a front end on another site and needs production, because browsers take it only from a Secure cookie."`

	// SessionIdle is the sliding lifetime. It is renewed at most once a minute in the
	// database, which is why it cannot be very short.
	SessionIdle time.Duration `group:"Security" env:"SESSION_IDLE" placeholder:"DURATION" default:"1h" help:"How long a session lives without a request, 5m to 168h."`

	// SessionAbsolute bounds what a stolen session is worth, however busy it is kept.
	SessionAbsolute time.Duration `group:"Security" env:"SESSION_ABSOLUTE" placeholder:"DURATION" default:"24h" help:"How long a session lives at most, from SESSION_IDLE to 720h."`

	// RateLimits replaces limits that the contract has; package ratelimit has the
	// notation. Only whether it can be read is checked here, the names of operations are
	// the contract's to know.
	RateLimits string `group:"Security" env:"RATE_LIMITS" placeholder:"LIMITS" standard:"those in the contract" help:"Limits that replace those of the contract, such as login: 10 per minute; default: 500 per day, 100 per hour, with operationIds as names; docs/limits.md lists them. off, which production refuses, limits nothing."`

	// Registration decides who may open an account and when it works. With verified,
	// nobody learns from the answers who has one: that is told by mail alone. What is
	// not confirmed within seven days is deleted.
	Registration string `group:"Accounts" env:"REGISTRATION" placeholder:"MODE" default:"open" help:"open (an account works at once), verified (it works once its address is confirmed; in production needs MAIL_URL) or closed (administrators open accounts)."`

	// PasswordPolicy is composition for front ends written for the Flask system, which
	// explain these rules to people; length is what NIST SP 800-63B-4 asks for.
	PasswordPolicy string `group:"Accounts" env:"PASSWORD_POLICY" placeholder:"POLICY" default:"composition" help:"What new passwords must be: composition (8 characters or more, with upper and lower case, a digit and a special character) or length (15 or more, any). Both refuse common passwords and those made of the person's name."`

	// HIBPURL gets five hexadecimal digits of the hash of each new password, never
	// more, and whatever it answers is no reason not to let people in.
	HIBPURL string `name:"hibp-url" group:"Accounts" env:"HIBP_URL" placeholder:"URL" standard:"none; passwords are then not looked up anywhere" help:"Service that knows breached passwords, by the range protocol of Have I Been Pwned, such as https://api.pwnedpasswords.com. https only, except on this machine. If it does not answer, passwords are accepted."`

	// VerifyTTL and ResetTTL count from the request, not from the sending: a mail that
	// has waited longer for its mail server is not sent any more.
	VerifyTTL time.Duration `name:"verify-ttl" group:"Accounts" env:"VERIFY_TTL" placeholder:"DURATION" default:"24h" help:"How long a link that confirms an address works, 5m to 168h."`

	// ResetTTL is short, as whoever reads such a mail owns the account.
	ResetTTL time.Duration `name:"reset-ttl" group:"Accounts" env:"RESET_TTL" placeholder:"DURATION" default:"1h" help:"How long a link that sets a new password works, 5m to 24h."`

	// InviteTTL is long enough for somebody who is invited on a Friday.
	InviteTTL time.Duration `name:"invite-ttl" group:"Accounts" env:"INVITE_TTL" placeholder:"DURATION" default:"72h" help:"How long an invitation works, 5m to 720h."`

	// MailURL names the server that takes our mail, and holds its password.
	MailURL Secret `name:"mail-url" group:"Mail" env:"MAIL_URL,MAIL_URL_FILE" placeholder:"URL" standard:"none; in development mails can then be looked at, in production there are none" help:"Server that takes the mail: smtp://USER:PASSWORD@HOST:587 (with STARTTLS, which production insists on except for this machine itself) or smtps://USER:PASSWORD@HOST:465. MAIL_URL_FILE names a file that holds it."`

	// MailFrom is the sender of every mail, a name with an address or the address
	// alone. Use [Config.MailSender].
	MailFrom string `name:"mail-from" group:"Mail" env:"MAIL_FROM" placeholder:"SENDER" standard:"in development TechTreks <no-reply@localhost>, in production none" help:"Sender of every mail, NAME <ADDRESS> or ADDRESS. In production required with MAIL_URL."`

	// ProductName is what mails call the service: in subjects, sentences and the footer.
	// After Parse it is empty only on a production server without a MAIL_FROM.
	ProductName string `group:"Mail" env:"PRODUCT_NAME" placeholder:"NAME" standard:"the name in MAIL_FROM, or its domain" help:"Name of the product in mails, up to 60 characters."`

	// SupportEmail is the address that mails tell people to write to, for example if they
	// did not change their email address themselves. Use [Config.Support].
	SupportEmail string `group:"Mail" env:"SUPPORT_EMAIL" placeholder:"ADDRESS" standard:"none" help:"Address of the support, shown in mails."`

	// SupportURL is a page for the same purpose, such as a help center.
	SupportURL string `name:"support-url" group:"Mail" env:"SUPPORT_URL" placeholder:"URL" standard:"none" help:"Page of the support, shown in mails. Used instead of SUPPORT_EMAIL where both are set. In production https only."`

	// MailTemplates is a folder whose files stand in for those of the program.
	MailTemplates string `name:"mail-templates" group:"Mail" env:"MAIL_TEMPLATES" placeholder:"FOLDER" standard:"none" help:"Folder with mail templates that replace the program's own, file by file; docs/mail.md lists them."`

	// FrontendURL is where the links in mails lead: scheme, host, perhaps a path, no
	// slash at the end. Never taken from a request, whose Host header anyone can write.
	FrontendURL string `name:"frontend-url" group:"Mail" env:"FRONTEND_URL" placeholder:"URL" standard:"in development http://localhost:3000, in production none" help:"Address of the web front end that links in mails lead to. In production https only, and required with MAIL_URL."`

	// AuditRetention is how long the audit trail is kept. Less than a day would be
	// gone before anybody looks; 0 keeps it for ever, for whoever deletes by other
	// means.
	AuditRetention Period `group:"Operation" env:"AUDIT_RETENTION" placeholder:"DURATION" default:"90d" help:"How long events stay in the audit trail, 1d to 3650d, or 0 for ever."`

	// Docs is nil when it was not set. Use [Config.ServeDocs].
	Docs *bool `negatable:"" group:"Operation" env:"DOCS" standard:"true in development, false in production" help:"Serve /docs, /openapi.yaml and /openapi.json."`

	// Web serves the app that make build has put into the program, where Node was there.
	Web bool `group:"Operation" env:"WEB" default:"false" help:"Serve the web app under /app/. FRONTEND_URL is then PUBLIC_URL/app unless it is set."`

	// LogLevel is the least level that is logged. Use [Config.Level].
	LogLevel string `group:"Operation" env:"LOG_LEVEL" placeholder:"LEVEL" default:"info" help:"debug, info, warn or error."`

	// LogFile is beside standard output, not instead of it: what starts and watches the
	// program goes on finding its lines where they have always been.
	LogFile string `group:"Operation" env:"LOG_FILE" placeholder:"PATH" standard:"none" help:"File to write the log to as well, in a folder that exists. It begins anew every 10 MiB; the last 10 full ones stay beside it. One process only may write to a file."`

	// MetricsAddr is a listener of its own, because what it tells is for operators:
	// never the public port, and best an address that only they can reach.
	MetricsAddr string `group:"Operation" env:"METRICS_ADDR" placeholder:"[HOST]:PORT" standard:"none: no metrics are served" help:"Address of /metrics for Prometheus, such as 127.0.0.1:9090; never the port of the server itself. Whoever can reach it may read it."`

	// VerifyResponses is for test systems: it buffers every answer and checks it
	// against the contract.
	VerifyResponses bool `group:"Operation" env:"VERIFY_RESPONSES" default:"false" help:"Check every answer against the contract; log and count those that break it. Costs time and memory."`
}

// Production reports whether this is the real thing.
func (c Config) Production() bool { return c.Env == "production" }

// CookieSecure reports whether the session cookie is sent over TLS only.
func (c Config) CookieSecure() bool { return c.Production() }

// CookieName is the name of the session cookie. The prefixes are promises that
// browsers enforce: __Host- cookies cannot be set by a neighbouring host or over plain
// HTTP, __Secure- ones not over plain HTTP. In development there is no TLS, so there is
// no prefix.
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

// SameSite is CookieSameSite for net/http.
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

// SendsMail reports whether mail is written at all. In production without a server
// to give it to there is none; in development it is kept to be looked at.
func (c Config) SendsMail() bool { return c.MailURL != "" || !c.Production() }

// MailSender is MailFrom, its domain in ASCII.
func (c Config) MailSender() mail.Address {
	from, _ := sender(c.MailFrom)
	return from
}

// Keys are the signing keys, newest first.
func (c Config) Keys() [][]byte {
	var keys [][]byte
	for key := range strings.SplitSeq(string(c.SecretKey), ",") {
		if key = strings.TrimSpace(key); key != "" {
			keys = append(keys, []byte(key))
		}
	}
	return keys
}

// ServeDocs reports whether the contract and its browser are served.
func (c Config) ServeDocs() bool {
	if c.Docs != nil {
		return *c.Docs
	}
	return !c.Production()
}

// Level is LogLevel for log/slog.
func (c Config) Level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// settings makes every struct that embeds a Config a [CLI].
func (c *Config) settings() *Config { return c }
