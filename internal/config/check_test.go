package config

import (
	"slices"
	"strings"
	"testing"
)

func TestParse_ReportsAllFaults(t *testing.T) {
	_, err := parse(t, []string{"--shutdown-delay=11s"}, map[string]string{
		"ADDR": "hunter2", "FLASK_ENV": "hunter2", "PUBLIC_URL": "hunter2", "TRUSTED_PROXIES": "hunter2",
		"DATABASE_URL": "mysql://root:hunter2@db/x", "SECRET_KEY": "hunter2,,hunter2", "ALLOWED_ORIGINS": "https://app.example.com,hunter2",
		"COOKIE_DOMAIN": "hunter2", "COOKIE_SAMESITE": "hunter2", "LOG_LEVEL": "hunter2",
		"REGISTRATION": "hunter2", "PASSWORD_POLICY": "hunter2", "HIBP_URL": "hunter2", "VERIFY_TTL": "1m", "RESET_TTL": "25h", "INVITE_TTL": "721h", "AUDIT_RETENTION": "23h", "MAIL_URL": "hunter2", "MAIL_FROM": "hunter2", "FRONTEND_URL": "hunter2",
		"PRODUCT_NAME": "hunter2\n2", "SUPPORT_EMAIL": "hunter2", "SUPPORT_URL": "hunter2",
	}, "SESSION_IDLE=hunter2\nDOCS=hunter2\nVERIFY_RESPONSES=hunter2\nPORT=hunter2\nSESSION_ABSOLUTE=30s\n")
	want := []string{
		"PORT must be a whole number",
		"SESSION_IDLE must be a duration such as 90s, 15m or 1h",
		"DOCS must be true or false",
		"VERIFY_RESPONSES must be true or false",
		"ADDR (or PORT) must be HOST:PORT or :PORT with a port from 0 to 65535",
		"APP_ENV (or FLASK_ENV) must be development or production",
		"PUBLIC_URL must be a URL like https://auth.example.com, without user, query or fragment",
		"TRUSTED_PROXIES must list networks such as 10.0.0.0/8 or single addresses; it cannot trust large parts of the Internet",
		"SHUTDOWN_DELAY must be between 0s and 10s",
		"DATABASE_URL must be sqlite:PATH or postgresql://USER:PASSWORD@HOST/NAME",
		"SECRET_KEY has an empty key in its list",
		"ALLOWED_ORIGINS must list origins of the form http(s)://HOST[:PORT], with no path, no wildcard, not null",
		"COOKIE_DOMAIN must be a domain name of two labels or more such as example.com, without scheme or port",
		"COOKIE_SAMESITE must be lax, strict or none",
		"SESSION_ABSOLUTE must be between SESSION_IDLE and 720h",
		"REGISTRATION must be open, verified or closed",
		"PASSWORD_POLICY must be composition or length",
		"HIBP_URL must be a URL like https://api.pwnedpasswords.com, without user, query or fragment",
		"VERIFY_TTL must be between 5m and 168h",
		"RESET_TTL must be between 5m and 24h",
		"INVITE_TTL must be between 5m and 720h",
		"MAIL_URL must be smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT, special characters of user and password percent-encoded",
		"MAIL_FROM must be an address or NAME <ADDRESS>",
		"PRODUCT_NAME must be a name of up to 60 characters on one line",
		"SUPPORT_EMAIL must be an email address",
		"SUPPORT_URL must be a URL like https://example.com/support, without user, query or fragment",
		"FRONTEND_URL must be a URL like https://app.example.com, without user, query or fragment",
		"AUDIT_RETENTION must be between 1d and 3650d, or 0",
		"LOG_LEVEL must be debug, info, warn or error",
	}
	got := faultsOf(t, err)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error contains a value: %v", err)
	}
}

func TestParse_ProductionRefusesUnsafeSettings(t *testing.T) {
	for name, tc := range map[string]struct{ variable, value, want string }{
		"no key":               {"SECRET_KEY", "", "SECRET_KEY is required in production"},
		"short key":            {"SECRET_KEY", goodKey[:31], "SECRET_KEY holds a key of less than 32 bytes"},
		"short old key":        {"SECRET_KEY", goodKey + ",short", "SECRET_KEY holds a key of less than 32 bytes"},
		"spaces do not count":  {"SECRET_KEY", goodKey[:31] + "     ", "SECRET_KEY holds a key of less than 32 bytes"},
		"tutorial key":         {"SECRET_KEY", tutorialKey, "SECRET_KEY holds the key printed in the tutorial"},
		"tutorial key in list": {"SECRET_KEY", goodKey + ", " + tutorialKey, "SECRET_KEY holds the key printed in the tutorial"},
		"empty key in list":    {"SECRET_KEY", "," + goodKey, "SECRET_KEY has an empty key"},
		"only commas":          {"SECRET_KEY", ",,", "SECRET_KEY has an empty key"},
		"plain http":           {"PUBLIC_URL", "http://auth.example.com", "PUBLIC_URL must begin with https://"},
		"plain frontend":       {"FRONTEND_URL", "http://app.example.com", "FRONTEND_URL must begin with https://"},
		"plain support":        {"SUPPORT_URL", "http://example.com/help", "SUPPORT_URL must begin with https://"},
		"mail without sender":  {"MAIL_URL", "smtp://mail.example.com", "MAIL_FROM is required"},
		"mail without links":   {"MAIL_URL", "smtp://mail.example.com", "FRONTEND_URL is required"},
		"verified unmailed":    {"REGISTRATION", "verified", "REGISTRATION=verified needs MAIL_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"APP_ENV": "production", "SECRET_KEY": goodKey}
			env[tc.variable] = tc.value
			_, err := parse(t, nil, env, "")
			got := faultsOf(t, err)
			if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, tc.want) }) {
				t.Errorf("got %q", got)
			}
			if strings.Contains(err.Error(), goodKey[:16]) || strings.Contains(err.Error(), tutorialKey) {
				t.Errorf("the error contains a key: %v", err)
			}
		})
	}
}

// The default sender in development is not a real address.
func TestParse_ProductionRefusesLocalSender(t *testing.T) {
	_, err := parse(t, nil, map[string]string{
		"APP_ENV": "production", "SECRET_KEY": goodKey, "MAIL_URL": "smtp://mail.example.com",
		"MAIL_FROM": "TechTreks <no-reply@localhost>", "FRONTEND_URL": "https://app.example.com",
	}, "")
	want := []string{"MAIL_FROM must be an address that can be written to, in production with MAIL_URL"}
	if got := faultsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestParse_DevelopmentAcceptsAnyKey(t *testing.T) {
	c, err := parse(t, nil, map[string]string{"FLASK_SECRET_KEY": tutorialKey}, "")
	if err != nil || c.SecretGenerated {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestParse_RefusesInvalidValues(t *testing.T) {
	for variable, values := range map[string][]string{
		"ADDR":      {"5001", "localhost", ":http", ":65536", ":-1", ":05001", "host name:1", "a/b:1", "::1:80", "http://localhost:5001"},
		"PORT":      {"65536", "-1"},
		"APP_ENV":   {"prod", "testing", "development,production"},
		"LOG_LEVEL": {"warning", "trace", "INFO+1"},
		"PUBLIC_URL": {
			"auth.example.com", "ftp://auth.example.com", "https://", "https://u:p@auth.example.com", "https://auth.example.com?x",
			"https://auth.example.com/?", "https://auth.example.com#x", "https://auth.example.com:", "https://auth.example.com:0", "https://a b.example",
			"//auth.example.com", "https:auth.example.com",
		},
		"ALLOWED_ORIGINS": {
			"*", "null", "https://*.example.com", "https://app.example.com/path", "https://app.example.com?x", "https://app.example.com#",
			"app.example.com", "ftp://app.example.com", "https://u@app.example.com", "https://app.example.com:0", "https://app.example.com:99999",
			"https://app.example.com:x", "https://app.example.com:", "https://", "https:///", "https://app.example.com//", "https://büro.example",
			"https://app.example.com https://b.example", "https://app.example.com;https://b.example", "file://", ",", "http://localhost:3000,null",
			"https://.example.com", "https://[::1", "https://app.example.com\\@evil.example", "https://app.example.com%2eevil.example",
		},
		"COOKIE_DOMAIN": {
			"localhost", "..example.com", "example.com.", "https://example.com", "example.com:443", "example.com/", "*.example.com", "127.0.0.1",
			"example.com; Secure", "exa mple.com", "a..b", "-.com", ".", "::1", "example.com,example.org",
		},
		"COOKIE_SAMESITE":  {"None; Secure", "default", "none"}, // none, because this is development
		"TRUSTED_PROXIES":  {"*", "0.0.0.0/0", "0.0.0.0/1,128.0.0.0/1", "8.0.0.0/7", "2000::/3", "::/1", "::/0", "10.0.0.0/33", "10.0.0", "proxy.example.com", "fe80::1%eth0", "10.0.0.1 10.0.0.2", "::ffff:10.0.0.0/104", "10.0.0.0/8,0.0.0.0/0"},
		"SESSION_IDLE":     {"4m59s", "0s", "-1h", "169h", "3600", "1 hour"},
		"SESSION_ABSOLUTE": {"59m", "721h", "-1h", "1d"},
		"SHUTDOWN_DELAY":   {"-1s", "10001ms", "1"},
		"REGISTRATION":     {"invite", "open,closed"},
		"PASSWORD_POLICY":  {"none", "length,composition"},
		"HIBP_URL": {
			"api.pwnedpasswords.com", "http://api.pwnedpasswords.com", "https://u:p@api.pwnedpasswords.com", "https://api.pwnedpasswords.com/?x", "ftp://localhost",
			"http://192.0.2.1", "http://localhost.example.com", "http://127.0.0.1.example.com", "https://", "file:///range",
		},
		"VERIFY_TTL": {"4m59s", "169h", "24", "-1h"},
		"RESET_TTL":  {"4m59s", "25h", "0s"},
		"INVITE_TTL": {"4m59s", "721h", "0s"}, "AUDIT_RETENTION": {"23h", "3651d", "-1d", "90", "1.5d"},
		"MAIL_FROM": {
			"TechTreks", "a@b", "a@example.com,b@example.com", "A <a@example.com>, B <b@example.com>", "a@example.com\nBcc: b@example.com",
			"A\r\nBcc: b@example.com <a@example.com>", "\"a b\"@example.com", "A <a@[127.0.0.1]>", "=?utf-8?q?A=0AB?= <a@example.com>", "@localhost", "a b@localhost",
			strings.Repeat("n", 101) + " <a@example.com>",
		},
		"PRODUCT_NAME":  {"A\nB", "A\x00", "A\u202eB", "A\u2028B", strings.Repeat("ü", 61)},
		"SUPPORT_EMAIL": {"support", "Support <a@example.com>", "a@example.com,b@example.com", "a@example.com\nb@example.com", "a@b", "mailto:a@example.com"},
		"SUPPORT_URL": {
			"example.com/support", "mailto:a@example.com", "javascript:alert(1)", "https://", "https://u:p@example.com", "https://example.com?x", "https://example.com#x",
			"https://example.com/" + strings.Repeat("p", 500),
		},
		"MAIL_URL": {
			"mail.example.com", "mail.example.com:587", "http://mail.example.com", "smtp://", "smtp://mail.example.com:0", "smtp://mail.example.com:",
			"smtp://mail.example.com/x", "smtp://mail.example.com?x=y", "smtp://mail.example.com#x", "smtp://user@mail.example.com", "smtp://:pw@mail.example.com",
			"smtp://u:p/w@mail.example.com", "smtp://u:p%w@mail.example.com", "smtp:mail.example.com", "smtp://a b.example", "smtp://mail.example.com:99999",
		},
		"FRONTEND_URL": {
			"app.example.com", "ftp://app.example.com", "https://", "https://u:p@app.example.com", "https://app.example.com?x", "https://app.example.com#x",
			"https://app.example.com/" + strings.Repeat("p", 1900), "javascript://app.example.com",
		},
		"DATABASE_URL":     {"mysql://u:p@h/n", "techtreks.db", "sqlite:", "postgresql:", "/var/lib/x.db"},
		"DOCS":             {"maybe", "2"},
		"VERIFY_RESPONSES": {"maybe"},
	} {
		for _, value := range values {
			t.Run(variable+"="+value, func(t *testing.T) {
				c, err := parse(t, nil, map[string]string{variable: value}, "")
				if err == nil {
					t.Fatalf("accepted: %+v", c)
				}
				if got := faultsOf(t, err); len(got) != 1 || !strings.Contains(got[0], variable) {
					t.Errorf("got %q", got)
				}
			})
		}
	}
}
