package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/config"
)

const tutorialKey = "dev-secret-change-in-production"

// productionSettings returns the settings of a valid production server.
func productionSettings(url string) settings {
	return serverSettings(url).with(settings{
		"APP_ENV": "production", "PUBLIC_URL": "https://auth.example.com", "ALLOWED_ORIGINS": "https://app.example.com",
		"RATE_LIMITS": "login: 1000 per second",
	})
}

// Invalid settings make the program end by itself with exit status 1, before it logs
// anything. Standard error names all of them and repeats no value.
func TestServe_InvalidSettingsAreAllReported(t *testing.T) {
	const secret = "hunter2"
	for name, tc := range map[string]struct {
		env  settings
		args []string
		want []string
	}{
		"no key":                       {env: settings{"SECRET_KEY": ""}, want: []string{"SECRET_KEY is required in production"}},
		"short key":                    {env: settings{"SECRET_KEY": secret}, want: []string{"SECRET_KEY holds a key of less than 32 bytes"}},
		"key of the tutorial":          {env: settings{"SECRET_KEY": tutorialKey}, want: []string{"SECRET_KEY holds the key printed in the tutorial"}},
		"old name of the key":          {env: settings{"SECRET_KEY": "", "FLASK_SECRET_KEY": tutorialKey}, want: []string{"SECRET_KEY holds the key printed in the tutorial"}},
		"old name of the environment":  {env: settings{"SECRET_KEY": "", "APP_ENV": "", "FLASK_ENV": "production"}, want: []string{"SECRET_KEY is required in production"}},
		"missing key file":             {env: settings{"SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere/" + secret}, want: []string{"SECRET_KEY_FILE names a file that cannot be read"}},
		"public url without tls":       {env: settings{"PUBLIC_URL": "http://auth.example.com"}, want: []string{"PUBLIC_URL must begin with https:// in production"}},
		"samesite none in development": {env: settings{"APP_ENV": "development", "COOKIE_SAMESITE": "none"}, want: []string{"COOKIE_SAMESITE=none needs APP_ENV=production"}},
		"all origins":                  {env: settings{"ALLOWED_ORIGINS": "*"}, want: []string{"ALLOWED_ORIGINS must list origins"}},
		"origin pattern":               {env: settings{"ALLOWED_ORIGINS": "https://*.example.com"}, want: []string{"ALLOWED_ORIGINS must list origins"}},
		"origin with path":             {env: settings{"ALLOWED_ORIGINS": "https://app.example.com/" + secret}, want: []string{"ALLOWED_ORIGINS must list origins"}},
		"all proxies":                  {env: settings{"TRUSTED_PROXIES": "0.0.0.0/0"}, want: []string{"TRUSTED_PROXIES must list networks"}},
		"no limits in production":      {env: settings{"RATE_LIMITS": "off"}, want: []string{"RATE_LIMITS=off is refused in production"}},
		"invalid limit":                {env: settings{"RATE_LIMITS": "login: often"}, want: []string{"RATE_LIMITS must be off, or OPERATION: LIMIT"}},
		"unsupported database":         {env: settings{"DATABASE_URL": "mysql://root:" + secret + "@db/auth"}, want: []string{"DATABASE_URL must be"}},
		"many invalid settings": {
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
		"invalid flag and variable": {
			env: settings{"LOG_LEVEL": "", "DOCS": secret}, args: []string{"--shutdwon-delay=1s"},
			want: []string{"shutdwon-delay", "DOCS must be true or false"},
		},
		"unknown command": {args: []string{"sevre"}, want: []string{"sevre"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := runToEnd(t, productionSettings(dbtest.URL(t, db.SQLite)).with(tc.env), append([]string{"serve"}, tc.args...)...)
			if status := p.cmd.ProcessState.ExitCode(); status != 1 {
				t.Errorf("exit status %d", status)
			}
			reported := p.stderr.String()
			for _, want := range tc.want {
				if !strings.Contains(reported, want) {
					t.Errorf("%q is missing in\n%s", want, reported)
				}
			}
			if strings.Contains(reported, secret) || strings.Contains(reported, tutorialKey) || strings.Contains(reported, secretKey) {
				t.Errorf("a value is repeated:\n%s", reported)
			}
			if p.stdout.String() != "" {
				t.Errorf("on standard output: %s", p.stdout.String())
			}
		})
	}
}

func TestServe_ProductionStarts(t *testing.T) {
	p := serve(t, productionSettings(dbtest.URL(t, db.SQLite)))
	if got := newClient(t, p.url).call(t, "GET", "/", "", nil); string(got.body) != "ok" {
		t.Errorf("the banner reads %q", got.body)
	}
	if got := newClient(t, p.url).call(t, "GET", "/docs", "", nil); got.is(200) {
		t.Error("the documentation is served")
	}
	p.stop()
	if log := p.stdout.String(); strings.Contains(log, secretKey) {
		t.Errorf("the key is logged:\n%s", log)
	}
}

// Settings come from .env, and the key from the file in SECRET_KEY_FILE.
func TestServe_ReadsSettingsFromFiles(t *testing.T) {
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

func TestHelp_ListsEverySetting(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}} {
		// The help must work with invalid settings.
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
					t.Errorf("%q does not list %s", args, variable)
				}
			}
		}
		if seen < 15 {
			t.Errorf("only %d settings found", seen)
		}
	}
}

func TestMigrate_UpDownStatus(t *testing.T) {
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
			{"status", 0, "pending                " + name + "\n"},
			{"down", 1, "there is no migration to revert"},
			{"up", 0, "applied " + name + "\n"},
			{"up", 0, "no pending migrations\n"},
			{"status", 0, "Z   " + name + "\n"},
			{"down", 0, "reverted " + name + "\n"},
			{"status", 0, "pending                " + name + "\n"},
			{"up", 0, "applied " + name + "\n"},
		} {
			p := runToEnd(t, serverSettings(url), "migrate", step.command)
			out, other := &p.stdout, &p.stderr
			if step.status != 0 {
				out, other = other, out // errors go to standard error
			}
			if status := p.cmd.ProcessState.ExitCode(); status != step.status || !strings.Contains(out.String(), step.want) {
				t.Errorf("migrate %s: exit status %d, want %d and %q\n%s%s", step.command, status, step.status, step.want, out.String(), other.String())
			}
			if other.String() != "" {
				t.Errorf("migrate %s prints %q to the wrong stream", step.command, other.String())
			}
		}
		serve(t, serverSettings(url)).stop()
	})
}

// In production the migrate commands work without SECRET_KEY; serve requires it.
func TestMigrate_NeedsNoSecretKey(t *testing.T) {
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
		t.Error("an invalid key is accepted")
	}
}
