package db

import (
	"context"
	"database/sql/driver"
	"time"
)

// Exports for the tests in package db_test. They are in a package of their own
// because they need dbtest, which imports db.

var (
	IsSelect            = isSelect
	SQLiteUnavailable   = sqliteUnavailable
	PostgresUnavailable = postgresUnavailable
	ErrWait             = errWait
	CheckForeignKeys    = checkForeignKeys
)

// ParseURL returns the parts of a parsed URL: the kind of database, and then the
// file (SQLite) or the driver's configuration (PostgreSQL).
func ParseURL(url string) (kind Kind, path, name string, params map[string]string, conns int, err error) {
	t, err := parseURL(url)
	if err != nil {
		return "", "", "", nil, 0, err
	}
	if t.kind == SQLite {
		return t.kind, t.path, t.String(), nil, 0, nil
	}
	params = map[string]string{"connect_timeout": t.pg.ConnectTimeout.String()}
	for k, v := range t.pg.RuntimeParams {
		params[k] = v
	}
	return t.kind, "", t.String(), params, t.maxConns, nil
}

// MigrateThrough migrates with a driver that wrap returns.
func MigrateThrough(ctx context.Context, url string, wrap func(driver.Connector) driver.Connector) error {
	t, err := parseURL(url)
	if err != nil {
		return err
	}
	t.wrap = wrap
	_, err = t.migrateUp(ctx)
	return err
}

// SetWait changes the longest wait for a connection.
func (db *DB) SetWait(wait time.Duration) { db.router.wait = wait }
