package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/config"
)

const tutorialKey = "dev-secret-change-in-production"

// production is what a deployment that starts has set.
func production(url string) settings {
	return serving(url).with(settings{
		"APP_ENV": "production", "PUBLIC_URL": "https://auth.example.com", "ALLOWED_ORIGINS": "https://app.example.com",
		"RATE_LIMITS": "login: 1000 per second",
	})
}

// Settings that cannot be used end the program at once with exit status 1. All
// of them are named, on standard error, and no value is repeated.
func TestWrongSettingsAreAllNamedTogether(t *testing.T) {
	const secret = "hunter2"
	for name, tc := range map[string]struct {
		env  settings
		args []string
		want []string
	}{
		"NoKey":         {env: settings{"SECRET_KEY": ""}, want: []string{"SECRET_KEY is required in production"}},
		"ShortKey":      {env: settings{"SECRET_KEY": secret}, want: []string{"SECRET_KEY holds a key of less than 32 bytes"}},
		"TutorialKey":   {env: settings{"SECRET_KEY": tutorialKey}, want: []string{"SECRET_KEY holds the key printed in the tutorial"}},
		"OldNameOfKey":  {env: settings{"SECRET_KEY": "", "FLASK_SECRET_KEY": tutorialKey}, want: []string{"SECRET_KEY holds the key printed in the tutorial"}},
		"OldEnvAndKey":  {env: settings{"SECRET_KEY": "", "APP_ENV": "", "FLASK_ENV": "production"}, want: []string{"SECRET_KEY is required in production"}},
		"KeyFileGone":   {env: settings{"SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere/" + secret}, want: []string{"SECRET_KEY_FILE names a file that cannot be read"}},
		"PlainHTTP":     {env: settings{"PUBLIC_URL": "http://auth.example.com"}, want: []string{"PUBLIC_URL must begin with https:// in production"}},
		"SameSiteNone":  {env: settings{"APP_ENV": "development", "COOKIE_SAMESITE": "none"}, want: []string{"COOKIE_SAMESITE=none needs APP_ENV=production"}},
		"AllOrigins":    {env: settings{"ALLOWED_ORIGINS": "*"}, want: []string{"ALLOWED_ORIGINS must list origins"}},
		"OriginPattern": {env: settings{"ALLOWED_ORIGINS": "https://*.example.com"}, want: []string{"ALLOWED_ORIGINS must list origins"}},
		"OriginPath":    {env: settings{"ALLOWED_ORIGINS": "https://app.example.com/" + secret}, want: []string{"ALLOWED_ORIGINS must list origins"}},
		"AllProxies":    {env: settings{"TRUSTED_PROXIES": "0.0.0.0/0"}, want: []string{"TRUSTED_PROXIES must list networks"}},
		"NoLimits":      {env: settings{"RATE_LIMITS": "off"}, want: []string{"RATE_LIMITS=off is refused in production"}},
		"NoSuchLimit":   {env: settings{"RATE_LIMITS": "login: often"}, want: []string{"RATE_LIMITS must be off, or OPERATION: LIMIT"}},
		"OtherDatabase": {env: settings{"DATABASE_URL": "mysql://root:" + secret + "@db/auth"}, want: []string{"DATABASE_URL must be"}},
		"Everything": {
			env: settings{
				"ADDR": secret, "PUBLIC_URL": secret, "SECRET_KEY": secret, "ALLOWED_ORIGINS": "https://app.example.com," + secret,
				"COOKIE_DOMAIN": secret, "COOKIE_SAMESITE": secret, "TRUSTED_PROXIES": secret, "DATABASE_URL": "mysql://root:" + secret + "@db/auth",
				"SESSION_IDLE": secret, "SESSION_ABSOLUTE": "1000h", "SHUTDOWN_DELAY": "11s", "LOG_LEVEL": secret, "DOCS": secret, "METRICS_ADDR": secret,
			},
			want: []string{
				"ADDR", "PUBLIC_URL", "SECRET_KEY", "ALLOWED_ORIGINS", "COOKIE_DOMAIN", "COOKIE_SAMESITE", "TRUSTED_PROXIES",
				"DATABASE_URL", "SESSION_IDLE", "SESSION_ABSOLUTE", "SHUTDOWN_DELAY", "LOG_LEVEL", "DOCS", "METRICS_ADDR",
			},
		},
		"FlagAndVariable": {
			env: settings{"LOG_LEVEL": "", "DOCS": secret}, args: []string{"--shutdwon-delay=1s"},
			want: []string{"shutdwon-delay", "DOCS must be true or false"},
		},
		"NoSuchCommand": {args: []string{"sevre"}, want: []string{"sevre"}},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			p := runToEnd(t, production(dbtest.URL(t, db.SQLite)).with(tc.env), append([]string{"serve"}, tc.args...)...)
			if status := p.cmd.ProcessState.ExitCode(); status != 1 {
				t.Errorf("exit status %d", status)
			}
			said := p.stderr.String()
			for _, want := range tc.want {
				if strings.Count(said, want) == 0 {
					t.Errorf("%q is missing in\n%s", want, said)
				}
			}
			if strings.Contains(said, secret) || strings.Contains(said, tutorialKey) || strings.Contains(said, secretKey) {
				t.Errorf("a value is repeated:\n%s", said)
			}
			if p.stdout.String() != "" {
				t.Errorf("on standard output: %s", p.stdout.String())
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestProductionStartsWithItsSettings(t *testing.T) {
	p := serve(t, production(dbtest.URL(t, db.SQLite)))
	if got := newClient(t, p.url).call(t, "GET", "/", "", nil); string(got.body) != "ok" {
		t.Errorf("the banner reads %q", got.body)
	}
	if got := newClient(t, p.url).call(t, "GET", "/docs", "", nil); got.is(200) {
		t.Error("the documentation is served")
	}
	p.stop()
	if said := p.stdout.String(); strings.Contains(said, secretKey) {
		t.Errorf("the key is logged:\n%s", said)
	}
}

// The file stands in for variables, and secrets come out of files of their own.
func TestSettingsComeFromFiles(t *testing.T) {
	p := newProcess(t, settings{"PORT": "0"}, "serve")
	for name, content := range map[string]string{
		".env": "APP_ENV=production\nSECRET_KEY_FILE=key\nPUBLIC_URL=https://auth.example.com\nDATABASE_URL=sqlite:here.db\n",
		"key":  secretKey + "\n",
	} {
		if err := os.WriteFile(filepath.Join(p.cmd.Dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.listening()
	if _, err := os.Stat(filepath.Join(p.cmd.Dir, "here.db")); err != nil {
		t.Error(err)
	}
	p.stop()
}

func TestHelpNamesEverySetting(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}} {
		// Wrong settings must not stand between a person and the manual.
		p := runToEnd(t, settings{"APP_ENV": "production", "SECRET_KEY": ""}, args...)
		if status := p.cmd.ProcessState.ExitCode(); status != 0 || p.stderr.String() != "" {
			t.Errorf("exit status %d\n%s", status, p.stderr.String())
		}
		fields := reflect.TypeFor[config.Config]()
		seen := 0
		for i := range fields.NumField() {
			for variable := range strings.SplitSeq(fields.Field(i).Tag.Get("env"), ",") {
				if variable == "" {
					continue
				}
				seen++
				if !strings.Contains(p.stdout.String(), "$"+variable) {
					t.Errorf("%q does not name %s", args, variable)
				}
			}
		}
		if seen < 15 {
			t.Errorf("%d settings only: are they read?", seen)
		}
	}
}

func TestMigrateCommands(t *testing.T) {
	eachKind(t, func(t *testing.T, kind db.Kind, url string) {
		files, err := fs.Glob(db.Migrations(kind), "*.sql")
		if err != nil || len(files) == 0 {
			t.Fatalf("%d migrations, %v", len(files), err)
		}
		name := slices.Max(files) // the newest
		for _, step := range []struct {
			command string
			status  int
			want    string
		}{
			{"status", 0, "missing                " + name + "\n"},
			{"down", 1, "there is no migration to take back"},
			{"up", 0, "applied " + name + "\n"},
			{"up", 0, "nothing to do\n"},
			{"status", 0, "Z   " + name + "\n"},
			{"down", 0, "took back " + name + "\n"},
			{"status", 0, "missing                " + name + "\n"},
			{"up", 0, "applied " + name + "\n"},
		} {
			p := runToEnd(t, serving(url), "migrate", step.command)
			out, aside := &p.stdout, &p.stderr
			if step.status != 0 {
				out, aside = aside, out // a failure is no result
			}
			if status := p.cmd.ProcessState.ExitCode(); status != step.status || !strings.Contains(out.String(), step.want) {
				t.Errorf("migrate %s: exit status %d, want %d and %q\n%s%s", step.command, status, step.status, step.want, out.String(), aside.String())
			}
			if aside.String() != "" {
				t.Errorf("migrate %s says %q in the wrong place", step.command, aside.String())
			}
		}
		serve(t, serving(url)).stop()
	})
}

// Whoever brings the schema up to date in a deployment need not be given the
// key that sessions are signed with; whoever serves must.
func TestMigratingNeedsNoKey(t *testing.T) {
	without := settings{"APP_ENV": "production", "DATABASE_URL": dbtest.URL(t, db.SQLite)}
	for _, command := range []string{"up", "status", "down"} {
		if p := runToEnd(t, without, "migrate", command); p.cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("migrate %s: exit status %d\n%s", command, p.cmd.ProcessState.ExitCode(), p.stderr.String())
		}
	}
	if p := runToEnd(t, without, "serve"); p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(p.stderr.String(), "SECRET_KEY is required in production") {
		t.Errorf("serve: exit status %d\n%s", p.cmd.ProcessState.ExitCode(), p.stderr.String())
	}
	if p := runToEnd(t, without.with(settings{"SECRET_KEY": "short"}), "migrate", "status"); p.cmd.ProcessState.ExitCode() != 1 {
		t.Error("a key that is wrong is not noticed")
	}
}
