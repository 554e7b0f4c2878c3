package db

import (
	"context"
	"database/sql/driver"
	"time"
)

// What the tests of package db_test see of the inside. They are outside of the
// package because dbtest, which they need, imports it.

var (
	IsSelect            = isSelect
	SQLiteUnavailable   = sqliteUnavailable
	PostgresUnavailable = postgresUnavailable
	ErrWait             = errWait
	CheckForeignKeys    = checkForeignKeys
)

// ParseURL gives what url means: the kind, and the file or the driver's view.
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

// MigrateThrough migrates with a test's driver in front of the real one.
func MigrateThrough(ctx context.Context, url string, wrap func(driver.Connector) driver.Connector) error {
	t, err := parseURL(url)
	if err != nil {
		return err
	}
	t.wrap = wrap
	_, err = t.migrateUp(ctx)
	return err
}

// SetWait replaces the bound on the wait for a connection.
func (db *DB) SetWait(wait time.Duration) { db.router.wait = wait }
