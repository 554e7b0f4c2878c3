package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// cli has the same structure as the command line of the program.
type cli struct {
	Config `embed:""`

	Serve struct{} `cmd:"" help:"Serve."`
	Users struct {
		Limit time.Duration `env:"USERS_LIMIT" default:"1m"`
	} `cmd:"" help:"Manage users."`
}

// parse parses `techtreks serve` with args, variables and the content of a .env file.
func parse(t *testing.T, args []string, env map[string]string, dotEnv string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	if dotEnv != "" {
		if err := os.WriteFile(file, []byte(dotEnv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var c cli
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	ctx, err := Parse(&c, append([]string{"serve"}, args...), Source{Lookup: lookup, DotEnv: file}, kong.Name("techtreks"))
	if err == nil && ctx.Command() != "serve" {
		t.Errorf("command %q", ctx.Command())
	}
	return c.Config, err
}

func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	return e.Faults
}

const goodKey = "0123456789abcdef0123456789abcdef"

func TestParse_Defaults(t *testing.T) {
	c, err := parse(t, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if keys := c.Keys(); !c.SecretGenerated || len(keys) != 1 || len(keys[0]) < minKeyBytes {
		t.Errorf("generated %v, %d keys", c.SecretGenerated, len(keys))
	}
	other, err := parse(t, nil, nil, "")
	if err != nil || other.SecretKey == c.SecretKey {
		t.Errorf("two starts have the same key, or %v", err)
	}
	c.SecretKey, c.SecretGenerated = "", false
	want := Config{
		Addr: ":5001", Port: 5001, Env: "development", PublicURL: "http://localhost:5001",
		ShutdownDelay: time.Second, DatabaseURL: "sqlite:instance/techtreks.db",
		AllowedOrigins: []string{"http://localhost:3000"}, CookieSameSite: "lax",
		SessionIdle: time.Hour, SessionAbsolute: 24 * time.Hour, LogLevel: "info",
		Registration: "open", PasswordPolicy: "composition", VerifyTTL: 24 * time.Hour, ResetTTL: time.Hour, InviteTTL: 72 * time.Hour,
		AuditRetention: Period(90 * 24 * time.Hour),
		MailFrom:       "TechTreks <no-reply@localhost>", ProductName: "TechTreks", FrontendURL: "http://localhost:3000",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if c.Production() || c.CookieSecure() || c.CookieName() != "session" || c.SameSite() != http.SameSiteLaxMode || !c.ServeDocs() || c.Level() != slog.LevelInfo || !c.SendsMail() {
		t.Errorf("got %+v", c)
	}
}

func TestParse_ProductionDefaults(t *testing.T) {
	env := map[string]string{"APP_ENV": "production", "SECRET_KEY": goodKey}
	c, err := parse(t, nil, env, "")
	if err != nil {
		t.Fatal(err)
	}
	if !c.Production() || !c.CookieSecure() || c.CookieName() != "__Host-session" || c.ServeDocs() || c.PublicURL != "" || c.SecretGenerated || len(c.AllowedOrigins) != 0 ||
		c.SendsMail() || c.MailFrom != "" || c.ProductName != "" || c.FrontendURL != "" {
		t.Errorf("got %+v", c)
	}
	env["COOKIE_DOMAIN"], env["DOCS"], env["COOKIE_SAMESITE"] = ".Example.com", "true", "none"
	if c, err = parse(t, nil, env, ""); err != nil {
		t.Fatal(err)
	}
	if c.CookieDomain != "example.com" || c.CookieName() != "__Secure-session" || !c.ServeDocs() || c.SameSite() != http.SameSiteNoneMode {
		t.Errorf("got %+v", c)
	}
}

func TestParse_PriorityAndCanonicalForm(t *testing.T) {
	level := func(c Config) any { return c.LogLevel }
	environment := func(c Config) any { return c.Env }
	addr := func(c Config) any { return fmt.Sprint(c.Addr, " ", c.Port) }
	secret := func(c Config) any { return string(c.SecretKey) }
	docs := func(c Config) any { return c.ServeDocs() }
	support := func(c Config) any {
		text, link := c.Support()
		return text + " " + link
	}
	type vars = map[string]string
	for name, tc := range map[string]struct {
		args   []string
		env    vars
		dotEnv string
		get    func(Config) any
		want   any
	}{
		"flag before environment":          {[]string{"--log-level=error"}, vars{"LOG_LEVEL": "warn"}, "LOG_LEVEL=debug", level, "error"},
		"environment before dotenv":        {nil, vars{"LOG_LEVEL": "warn"}, "LOG_LEVEL=debug", level, "warn"},
		"dotenv before default":            {nil, nil, "LOG_LEVEL=debug", level, "debug"},
		"default":                          {nil, nil, "OTHER=1", level, "info"},
		"empty variable is not set":        {nil, vars{"LOG_LEVEL": ""}, "LOG_LEVEL=debug", level, "debug"},
		"empty everywhere is default":      {nil, vars{"LOG_LEVEL": ""}, "LOG_LEVEL=", level, "info"},
		"upper case":                       {nil, vars{"LOG_LEVEL": "WARN"}, "", level, "warn"},
		"flask env":                        {nil, vars{"FLASK_ENV": "production", "SECRET_KEY": goodKey}, "", environment, "production"},
		"app env before flask env":         {nil, vars{"FLASK_ENV": "production", "APP_ENV": "development"}, "", environment, "development"},
		"environment alias before file":    {nil, vars{"FLASK_ENV": "development"}, "APP_ENV=production", environment, "development"},
		"flask secret key":                 {nil, vars{"FLASK_SECRET_KEY": "flask"}, "", secret, "flask"},
		"secret key before flask":          {nil, vars{"FLASK_SECRET_KEY": "flask", "SECRET_KEY": "own"}, "", secret, "own"},
		"secret with dollar in quotes":     {nil, nil, "SECRET_KEY='a$b${c}#d'", secret, "a$b${c}#d"},
		"secret with kong syntax":          {nil, vars{"SECRET_KEY": "a${b}\\,c"}, "", secret, "a${b}\\,c"},
		"port alone":                       {nil, vars{"PORT": "8080"}, "", addr, ":8080 8080"},
		"addr alone":                       {nil, vars{"ADDR": "127.0.0.1:9000"}, "", addr, "127.0.0.1:9000 9000"},
		"addr before port":                 {nil, vars{"ADDR": "127.0.0.1:9000", "PORT": "8080"}, "", addr, "127.0.0.1:9000 9000"},
		"addr flag before port flag":       {[]string{"--port=1", "--addr=:2"}, nil, "", addr, ":2 2"},
		"port flag before addr variable":   {[]string{"--port=1"}, vars{"ADDR": ":2"}, "", addr, ":1 1"},
		"port variable before addr in env": {nil, vars{"PORT": "1"}, "ADDR=:2", addr, ":1 1"},
		"addr flag before port variable":   {[]string{"--addr=:2"}, vars{"PORT": "1"}, "", addr, ":2 2"},
		"any free port":                    {nil, vars{"PORT": "0"}, "", addr, ":0 0"},
		"ipv6":                             {nil, vars{"ADDR": "[::1]:80"}, "", addr, "[::1]:80 80"},
		"docs off":                         {nil, vars{"DOCS": "false"}, "", docs, false},
		"docs off by flag":                 {[]string{"--no-docs"}, vars{"DOCS": "true"}, "", docs, false},
		"docs on by flag":                  {[]string{"--docs"}, vars{"DOCS": "0"}, "", docs, true},
		"public url follows the port": {nil, vars{"PORT": "8080"}, "",
			func(c Config) any { return c.PublicURL }, "http://localhost:8080"},
		"public url without slash": {nil, vars{"PUBLIC_URL": "https://auth.example.com/base/"}, "",
			func(c Config) any { return c.PublicURL }, "https://auth.example.com/base"},
		"origins as browsers send them": {nil, vars{"ALLOWED_ORIGINS": "HTTPS://App.Example.com/, http://localhost:3000,https://x.example:443,http://[::1]:80,"}, "",
			func(c Config) any { return strings.Join(c.AllowedOrigins, " ") }, "https://app.example.com http://localhost:3000 https://x.example http://[::1]"},
		"proxies": {nil, vars{"TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.7,::1,fd00::/8"}, "",
			func(c Config) any { return strings.Join(c.TrustedProxies, " ") }, "10.0.0.0/8 192.0.2.7/32 ::1/128 fd00::/8"},
		"keys newest first": {nil, vars{"SECRET_KEY": "new, old"}, "",
			func(c Config) any { return fmt.Sprintf("%s", c.Keys()) }, "[new old]"},
		"durations": {nil, vars{"SESSION_IDLE": "90m", "SESSION_ABSOLUTE": "90m", "SHUTDOWN_DELAY": "0s"}, "",
			func(c Config) any { return fmt.Sprint(c.SessionIdle, c.SessionAbsolute, c.ShutdownDelay) }, "1h30m0s 1h30m0s 0s"},
		"frontend url without slash": {nil, vars{"FRONTEND_URL": "https://app.example.com/account/"}, "",
			func(c Config) any { return c.FrontendURL }, "https://app.example.com/account"},
		"sender with name": {nil, vars{"MAIL_FROM": "Büro <Mail@Bücher.example>"}, "",
			func(c Config) any { return c.MailSender() }, mail.Address{Name: "Büro", Address: "Mail@xn--bcher-kva.example"}},
		"sender alone": {nil, vars{"MAIL_FROM": "mail@example.com"}, "",
			func(c Config) any { return c.MailSender() }, mail.Address{Address: "mail@example.com"}},
		"product name of the sender": {nil, vars{"MAIL_FROM": "Büro <mail@example.com>"}, "",
			func(c Config) any { return c.ProductName }, "Büro"},
		"product name from the domain of the sender": {nil, vars{"MAIL_FROM": "mail@example.com"}, "",
			func(c Config) any { return c.ProductName }, "example.com"},
		"product name before the sender": {nil, vars{"MAIL_FROM": "Büro <mail@example.com>", "PRODUCT_NAME": " Trail & Co "}, "",
			func(c Config) any { return c.ProductName }, "Trail & Co"},
		"no support":                       {nil, nil, "", support, " "},
		"support email":                    {nil, vars{"SUPPORT_EMAIL": "help?me+x@example.com"}, "", support, "help?me+x@example.com mailto:help%3Fme+x@example.com"},
		"support url":                      {nil, vars{"SUPPORT_URL": "https://example.com/help/"}, "", support, "https://example.com/help https://example.com/help"},
		"support url before support email": {nil, vars{"SUPPORT_EMAIL": "help@example.com", "SUPPORT_URL": "http://localhost"}, "", support, "http://localhost http://localhost"},
		"mail in production": {nil, vars{
			"APP_ENV": "production", "SECRET_KEY": goodKey, "REGISTRATION": "Verified", "MAIL_URL": "smtps://u%40x:p%2Fw@mail.example.com",
			"MAIL_FROM": "mail@example.com", "FRONTEND_URL": "https://app.example.com",
		}, "", func(c Config) any { return fmt.Sprint(c.Registration, c.SendsMail()) }, "verifiedtrue"},
		"breaches on this machine": {nil, vars{"HIBP_URL": "http://[::1]:8080/", "PASSWORD_POLICY": "Length"}, "",
			func(c Config) any { return c.HIBPURL + " " + c.PasswordPolicy }, "http://[::1]:8080 length"},
		"sqlalchemy url": {nil, vars{"DATABASE_URL": "postgresql+psycopg2://u:p@h/n"}, "",
			func(c Config) any { return string(c.DatabaseURL) }, "postgresql+psycopg2://u:p@h/n"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := parse(t, tc.args, tc.env, tc.dotEnv)
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.get(c); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// kong must not read the process environment: a value there is not part of Source.
func TestParse_IgnoresProcessEnvironment(t *testing.T) {
	t.Setenv("LOG_LEVEL", "error")
	t.Setenv("SESSION_IDLE", "nonsense")
	c, err := parse(t, nil, nil, "")
	if err != nil || c.LogLevel != "info" || c.SessionIdle != time.Hour {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestParse_ReadsValuesFromFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, dbURL, empty := file("key", goodKey+"\r\n"), file("db", "postgresql://u:p@h/n\n"), file("empty", "\n")
	mailURL := file("mail", "smtp://u:p@mail.example.com\n")

	c, err := parse(t, nil, map[string]string{"SECRET_KEY_FILE": key, "MAIL_URL_FILE": mailURL}, "DATABASE_URL_FILE="+dbURL)
	if err != nil || string(c.SecretKey) != goodKey || string(c.MailURL) != "smtp://u:p@mail.example.com" || string(c.DatabaseURL) != "postgresql://u:p@h/n" {
		t.Errorf("got %q, %q, %v", string(c.SecretKey), string(c.DatabaseURL), err)
	}
	// The environment has priority over .env, whichever variable is used.
	c, err = parse(t, nil, map[string]string{"SECRET_KEY_FILE": key}, "SECRET_KEY=other")
	if err != nil || string(c.SecretKey) != goodKey {
		t.Errorf("got %q, %v", string(c.SecretKey), err)
	}
	for name, tc := range map[string]struct {
		env  map[string]string
		want string
	}{
		"missing":   {map[string]string{"SECRET_KEY_FILE": filepath.Join(dir, goodKey)}, "SECRET_KEY_FILE names a file that cannot be read: no such file or directory"},
		"directory": {map[string]string{"SECRET_KEY_FILE": dir}, "SECRET_KEY_FILE names a file that cannot be read: is a directory"},
		"empty":     {map[string]string{"SECRET_KEY_FILE": empty}, "SECRET_KEY_FILE names a file that is empty, SECRET_KEY needs a value"},
		"both":      {map[string]string{"SECRET_KEY_FILE": key, "SECRET_KEY": "other"}, "SECRET_KEY and SECRET_KEY_FILE are both set; keep one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, nil, tc.env, "")
			if got := faultsOf(t, err); !slices.Equal(got, []string{tc.want}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestParse_InvalidDotEnv(t *testing.T) {
	_, err := parse(t, nil, nil, "LOG_LEVEL=debug\nSECRET_KEY=\"hunter2\nthis is no setting\n")
	if got := faultsOf(t, err); len(got) != 1 || !strings.HasSuffix(got[0], ".env has a line that is not of the form NAME=value") || strings.Contains(got[0], "hunter2") {
		t.Errorf("got %q", got)
	}
	var c cli
	_, err = Parse(&c, []string{"serve"}, Source{DotEnv: t.TempDir()})
	if got := faultsOf(t, err); len(got) != 1 || !strings.HasSuffix(got[0], " cannot be read: is a directory") {
		t.Errorf("got %q", got)
	}
}

func TestConfig_PrintsNoSecret(t *testing.T) {
	c, err := parse(t, nil, map[string]string{"SECRET_KEY": "hunter2", "DATABASE_URL": "postgresql://u:hunter2@h/n", "MAIL_URL": "smtp://u:hunter2@h"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var text, asJSON bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("start", "config", c, "pointer", &c, "one", c.SecretKey)
	slog.New(slog.NewJSONHandler(&asJSON, nil)).Info("start", "config", c, "pointer", &c, "one", c.SecretKey)
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	whole := cli{Config: c}
	for name, out := range map[string]string{
		"text log": text.String(), "json log": asJSON.String(), "json": string(encoded),
		"String": c.String(), "%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c),
		"pointer": fmt.Sprintf("%+v", &c), "embedded": fmt.Sprintf("%#v", whole), "%q": fmt.Sprintf("%q", c.SecretKey), "Sprint": fmt.Sprint(c.DatabaseURL),
	} {
		if strings.Contains(out, "hunter2") {
			t.Errorf("%s: %s", name, out)
		}
		if !strings.Contains(out, redacted) {
			t.Errorf("%s has no placeholder: %s", name, out)
		}
	}
}

func TestParse_InvalidCommandLine(t *testing.T) {
	for name, args := range map[string][]string{
		"unknown flag": {"--nonsense"}, "bad value": {"--session-idle=soon"}, "unknown argument": {"nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, args, map[string]string{"SHUTDOWN_DELAY": "nonsense"}, "")
			var usage *kong.ParseError
			if !errors.As(err, &usage) {
				t.Errorf("got %v", err)
			}
			if got := faultsOf(t, err); !slices.Equal(got, []string{"SHUTDOWN_DELAY must be a duration such as 90s, 15m or 1h"}) {
				t.Errorf("the faults of the environment are missing: %q", got)
			}
		})
	}
}

func TestParse_VariablesForFlagsOfOtherCommands(t *testing.T) {
	var c cli
	lookup := func(name string) (string, bool) { return "5m", name == "USERS_LIMIT" }
	ctx, err := Parse(&c, []string{"users"}, Source{Lookup: lookup})
	if err != nil || ctx.Command() != "users" || c.Users.Limit != 5*time.Minute {
		t.Errorf("got %v, %v", c.Users.Limit, err)
	}
}
