package db

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"database/sql"
	"database/sql/driver"

	"github.com/jackc/pgx/v5"
)

// target is a parsed database URL.
type target struct {
	kind Kind

	path string // SQLite: the absolute file name, so that a later chdir has no effect

	pg       *pgx.ConnConfig // PostgreSQL
	maxConns int             // PostgreSQL: size of the pool

	// wrap lets a test intercept the statements of migrations.
	wrap func(driver.Connector) driver.Connector
	// pool creates a connection pool. If nil, sql.OpenDB does.
	pool func(driver.Connector) *sql.DB
}

// String returns a name of the database without secrets, for error messages.
func (t *target) String() string {
	if t.kind == SQLite {
		return "SQLite database " + t.path
	}
	return fmt.Sprintf("PostgreSQL database %q on %s", t.pg.Database, t.pg.Host)
}

var scheme = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9.]*(\+[a-zA-Z0-9_]+)?:`)

// parseURL parses the forms
//
//	sqlite:PATH                        the file PATH, taken literally
//	sqlite:///NAME, sqlite:////PATH    SQLAlchemy's forms; NAME is in instance/
//	postgres://…, postgresql://…       the forms of libpq and pgx
//
// It ignores a driver in the scheme (postgresql+psycopg2). No error contains the
// URL: the URL may contain a password, and errors are logged.
func parseURL(raw string) (*target, error) {
	prefix := scheme.FindString(raw)
	name, _, _ := strings.Cut(strings.ToLower(strings.TrimSuffix(prefix, ":")), "+")
	rest := strings.TrimPrefix(raw, prefix)
	switch name {
	case "sqlite":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return parsePostgres("postgres:" + rest)
	case "":
		return nil, errors.New("the database URL must begin with sqlite: or postgresql://")
	default:
		return nil, fmt.Errorf("the database URL begins with %s: but must begin with sqlite: or postgresql://", name)
	}
}

func parseSQLite(path string) (*target, error) {
	if name, ok := strings.CutPrefix(path, "///"); ok {
		// SQLAlchemy's form. Flask-SQLAlchemy keeps relative files in the
		// instance folder, where a DATABASE_URL of a Flask system must find them.
		if strings.ContainsRune(name, '?') {
			return nil, errors.New("sqlite:/// with options after ? is not supported; write sqlite:PATH")
		}
		path = name
		if name != "" && name != ":memory:" && !filepath.IsAbs(name) {
			path = filepath.Join("instance", name)
		}
	} else if strings.HasPrefix(path, "//") && path != "//" {
		return nil, errors.New("sqlite:// takes no host: write sqlite:PATH, sqlite:///NAME or sqlite:////ABSOLUTE/PATH")
	}
	switch {
	case path == "" || path == "//" || path == ":memory:":
		return nil, errors.New("an in-memory SQLite database is not supported, because each connection would have its own: write sqlite:PATH")
	case strings.ContainsRune(path, 0):
		return nil, errors.New("the SQLite file name contains a NUL byte")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("SQLite file: %w", err)
	}
	return &target{kind: SQLite, path: abs}, nil
}

func parsePostgres(raw string) (*target, error) {
	u, err := url.Parse(raw)
	if err != nil || !strings.HasPrefix(raw, "postgres://") {
		// err is not wrapped, because it contains the URL.
		return nil, errors.New("the PostgreSQL URL is malformed: write postgresql://user:password@host:port/name, and percent-encode special characters in the password")
	}
	t, err := postgresTarget(u)
	if err != nil {
		return nil, fmt.Errorf("the PostgreSQL URL: %s", redact(err.Error(), u))
	}
	return t, nil
}

// redact removes the passwords of u from an error text of pgx. pgx masks only
// the passwords that it recognises.
func redact(text string, u *url.URL) string {
	secrets := []string{u.Query().Get("password"), u.Query().Get("sslpassword")}
	if u.User != nil {
		password, _ := u.User.Password()
		_, encoded, _ := strings.Cut(u.User.String(), ":")
		secrets = append(secrets, password, encoded)
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "xxxxx")
		}
	}
	return text
}
