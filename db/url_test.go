package db_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
)

func TestURLOfSQLite(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, url, path string }{
		{"relative path", "sqlite:instance/techtreks.db", wd + "/instance/techtreks.db"},
		{"absolute path", "sqlite:/var/lib/t.db", "/var/lib/t.db"},
		{"path with URL characters is literal", "sqlite:/var/a?b#c%20d.db", "/var/a?b#c%20d.db"},
		{"SQLAlchemy relative is in the instance folder", "sqlite:///techtreks.db", wd + "/instance/techtreks.db"},
		{"SQLAlchemy absolute", "sqlite:////var/lib/t.db", "/var/lib/t.db"},
		{"SQLAlchemy with a driver", "sqlite+pysqlite:////var/lib/t.db", "/var/lib/t.db"},
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

func TestURLOfPostgres(t *testing.T) {
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
		{"driver is dropped", "postgresql+psycopg2://u:p@h/name", defaults, 10},
		{"URL sets statement_timeout", "postgres://u@h/name?statement_timeout=1s", with(map[string]string{"statement_timeout": "1s"}), 10},
		{"URL sets connect_timeout", "postgres://u@h/name?connect_timeout=9", with(map[string]string{"connect_timeout": "9s"}), 10},
		{"URL sets the pool size", "postgres://u@h/name?pool_max_conns=33", defaults, 33},
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

func TestURLRefused(t *testing.T) {
	const secret = "hunter2"
	tests := []struct{ name, url, says string }{
		{"empty", "", "must begin with"},
		{"no scheme", "instance/techtreks.db", "must begin with"},
		{"key=value form", "host=h password=" + secret, "must begin with"},
		{"another product", "mysql://u:" + secret + "@h/x", "mysql:"},
		{"password before a scheme", secret + "@sqlite:x", "must begin with"},
		{"SQLite in memory", "sqlite::memory:", "memory"},
		{"SQLite in memory, SQLAlchemy", "sqlite:///:memory:", "memory"},
		{"SQLite in memory, SQLAlchemy short", "sqlite://", "memory"},
		{"SQLite without a path", "sqlite:", "memory"},
		{"SQLite with a host", "sqlite://data/x.db", "no host"},
		{"SQLAlchemy options", "sqlite:///x.db?timeout=5", "not supported"},
		{"SQLite path with NUL", "sqlite:a\x00b", "NUL"},
		{"PostgreSQL without slashes", "postgres:name", "malformed"},
		{"PostgreSQL password not encoded", "postgres://u:" + secret + "%zz@h/x", "malformed"},
		{"PostgreSQL password with a slash", "postgres://u:" + secret + "/@h/x", "malformed"},
		{"PostgreSQL bad port", "postgres://u:" + secret + "@h:99999/x", "PostgreSQL URL"},
		{"PostgreSQL bad sslmode", "postgres://u:" + secret + "@h/x?sslmode=maybe", "sslmode"},
		{"PostgreSQL password as option", "postgres://u@h/x?password=" + secret + "&sslmode=maybe", "sslmode"},
		{"PostgreSQL pool of none", "postgres://u:" + secret + "@h/x?pool_max_conns=0", "pool_max_conns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := db.Open(t.Context(), tt.url)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q shows the password", err)
			}
		})
	}
}
