package db_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
)

func TestParseURL_SQLite(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, url, path string }{
		{"relative path", "sqlite:instance/techtreks.db", wd + "/instance/techtreks.db"},
		{"absolute path", "sqlite:/var/lib/t.db", "/var/lib/t.db"},
		{"path with URL characters is literal", "sqlite:/var/a?b#c%20d.db", "/var/a?b#c%20d.db"},
		{"sqlalchemy relative path is in the instance folder", "sqlite:///techtreks.db", wd + "/instance/techtreks.db"},
		{"sqlalchemy absolute path", "sqlite:////var/lib/t.db", "/var/lib/t.db"},
		{"sqlalchemy with a driver", "sqlite+pysqlite:////var/lib/t.db", "/var/lib/t.db"},
		{"scheme in capitals", "SQLite:/t.db", "/t.db"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, path, _, _, _, err := db.ParseURL(tt.url)
			if err != nil || kind != db.SQLite || path != filepath.FromSlash(tt.path) {
				t.Errorf("got %s %q, %v; want %q", kind, path, err, tt.path)
			}
		})
	}
}

func TestParseURL_Postgres(t *testing.T) {
	defaults := map[string]string{
		"statement_timeout": "5s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "10s",
		"connect_timeout": "5s", "application_name": "techtreks",
	}
	with := func(changes map[string]string) map[string]string {
		m := maps.Clone(defaults)
		maps.Copy(m, changes)
		return m
	}
	tests := []struct {
		name, url string
		params    map[string]string
		conns     int
	}{
		{"postgres", "postgres://u:p@h/name", defaults, 10},
		{"postgresql", "postgresql://u:p@h/name", defaults, 10},
		{"driver is ignored", "postgresql+psycopg2://u:p@h/name", defaults, 10},
		{"url sets statement_timeout", "postgres://u@h/name?statement_timeout=1s", with(map[string]string{"statement_timeout": "1s"}), 10},
		{"url sets connect_timeout", "postgres://u@h/name?connect_timeout=9", with(map[string]string{"connect_timeout": "9s"}), 10},
		{"url sets the pool size", "postgres://u@h/name?pool_max_conns=33", defaults, 33},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, _, name, params, conns, err := db.ParseURL(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			if kind != db.Postgres || name != `PostgreSQL database "name" on h` || conns != tt.conns {
				t.Errorf("got %s, %s, %d connections", kind, name, conns)
			}
			if !maps.Equal(params, tt.params) {
				t.Errorf("settings %v, want %v", params, tt.params)
			}
		})
	}
}

func TestOpen_RefusesURLWithoutShowingPassword(t *testing.T) {
	const secret = "hunter2"
	tests := []struct{ name, url, want string }{
		{"empty", "", "must begin with"},
		{"no scheme", "instance/techtreks.db", "must begin with"},
		{"key=value form", "host=h password=" + secret, "must begin with"},
		{"another product", "mysql://u:" + secret + "@h/x", "mysql:"},
		{"password before a scheme", secret + "@sqlite:x", "must begin with"},
		{"sqlite in memory", "sqlite::memory:", "memory"},
		{"sqlite in memory, sqlalchemy", "sqlite:///:memory:", "memory"},
		{"sqlite in memory, sqlalchemy short", "sqlite://", "memory"},
		{"sqlite without a path", "sqlite:", "memory"},
		{"sqlite with a host", "sqlite://data/x.db", "no host"},
		{"sqlalchemy options", "sqlite:///x.db?timeout=5", "not supported"},
		{"sqlite path with NUL", "sqlite:a\x00b", "NUL"},
		{"postgresql without slashes", "postgres:name", "malformed"},
		{"postgresql password not encoded", "postgres://u:" + secret + "%zz@h/x", "malformed"},
		{"postgresql password with a slash", "postgres://u:" + secret + "/@h/x", "malformed"},
		{"postgresql bad port", "postgres://u:" + secret + "@h:99999/x", "PostgreSQL URL"},
		{"postgresql bad sslmode", "postgres://u:" + secret + "@h/x?sslmode=maybe", "sslmode"},
		{"postgresql password as option", "postgres://u@h/x?password=" + secret + "&sslmode=maybe", "sslmode"},
		{"postgresql pool of size 0", "postgres://u:" + secret + "@h/x?pool_max_conns=0", "pool_max_conns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := db.Open(t.Context(), tt.url)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q does not contain %q", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q contains the password", err)
			}
		})
	}
}
