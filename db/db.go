// Package db opens the database, keeps its schema up to date and runs the
// generated queries of gen/db on it. SQLite and PostgreSQL run the same
// queries; the differences between the two stay inside this package.
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	gendb "github.com/techtreks/auth/gen/db"
)

// Kind names a database product.
type Kind string

// The databases that the queries run on.
const (
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
)

// DB is an open database with an up-to-date schema. The generated queries are its
// methods:
//
//	user, err := d.UserByEmailKey(ctx, key)
//
// Each call is a transaction of its own. Queries that belong together run in
// Tx.
type DB struct {
	// The pool that may write: the single writer connection on SQLite, the only
	// pool on PostgreSQL. Queries wait for a connection for a bounded time; code
	// that calls this pool directly waits until its context ends.
	*sql.DB
	*gendb.Queries

	Kind Kind

	router  *router
	inTx    *gendb.Queries // for use inside transactions
	version int64          // the newest migration this program contains
}

// Open migrates the database at url, opens it and prepares every query. A query
// that the database rejects therefore fails at start and not during a request.
// docs/database.md lists the forms of url.
func Open(ctx context.Context, url string, options ...Option) (*DB, error) {
	t, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		option(t)
	}
	return t.openAll(ctx)
}

// An Option changes the behaviour of Open.
type Option func(*target)

// Through makes Open create its connection pools with open instead of
// sql.OpenDB, for example to trace their queries.
func Through(open func(driver.Connector) *sql.DB) Option {
	return func(t *target) { t.pool = open }
}

func (t *target) open(c driver.Connector) *sql.DB {
	if t.pool != nil {
		return t.pool(c)
	}
	return sql.OpenDB(c)
}

func (t *target) openAll(ctx context.Context) (_ *DB, err error) {
	if _, err := t.migrateUp(ctx); err != nil {
		return nil, err
	}
	r, err := t.connect()
	if err != nil {
		return nil, err
	}
	d := &DB{DB: r.writer, Kind: t.kind, router: r}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	if d.version, err = t.newestVersion(); err != nil {
		return nil, err
	}
	if d.inTx, err = gendb.Prepare(ctx, r.writer); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	if d.Queries, err = gendb.Prepare(ctx, r); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	if t.kind == Postgres {
		// The statements were prepared only as a check. pgx caches prepared
		// statements per connection and drops one when a migration by a newer
		// instance changes its result columns; a *sql.Stmt would fail for ever.
		err = d.inTx.Close()
		d.inTx = gendb.New(r.writer)
		return d, err
	}
	// SQLite opens a read-only file and prepares statements on it without an
	// error. A failed start is better than an error for every registration.
	// BEGIN succeeds as well, so run a statement that writes. No session has
	// this token hash.
	err = d.Tx(ctx, func(q *gendb.Queries) error {
		_, err := q.SessionDelete(ctx, []byte{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", t, err)
	}
	return d, nil
}

// Tx runs fn in a transaction. It commits when fn returns nil and rolls back
// when fn returns an error or panics. All queries in fn must use q.
//
// SQLite has one writer, and fn occupies it until fn returns. So fn must not
// hash passwords, send mail or call methods of the DB: those would wait for fn
// until their bounded wait for a connection ends.
func (db *DB) Tx(ctx context.Context, fn func(q *gendb.Queries) error) error {
	conn, settle, err := db.router.take(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, nil)
	settle()
	if err != nil {
		if ctx.Err() != nil {
			// SQLite reports a cancelled wait as its own error. The cause is
			// the caller's context.
			err = errors.Join(ctx.Err(), err)
		}
		return err
	}
	// Has no effect after Commit. On an error or a panic it leaves no
	// transaction open.
	defer func() { _ = tx.Rollback() }()
	if err := fn(db.inTx.WithTx(tx)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			// database/sql rolled back because the context was cancelled.
			return ctx.Err()
		}
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// View runs fn in a read-only transaction. All its queries see one snapshot of
// the database, whatever is written meanwhile. On SQLite it neither waits for
// the writer nor blocks it.
func (db *DB) View(ctx context.Context, fn func(q *gendb.Queries) error) error {
	if db.router.readers != nil {
		// Every read transaction of SQLite sees one snapshot.
		tx, err := db.router.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		return db.view(tx, err, fn)
	}
	conn, settle, err := db.router.take(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	settle()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	return db.view(tx, err, fn)
}

func (db *DB) view(tx *sql.Tx, err error, fn func(q *gendb.Queries) error) error {
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	return fn(db.Queries.WithTx(tx))
}

// WithTx returns the queries for a transaction that the caller began. It shadows
// the generated method of the same name: that one uses SELECTs prepared on
// SQLite's read-only pool, which a transaction of the writer rejects.
func (db *DB) WithTx(tx *sql.Tx) *gendb.Queries { return db.inTx.WithTx(tx) }

// Ready reports whether the database answers and its schema is at least as new
// as this program. A newer schema is accepted, because it also serves the
// previous release during a rollout. On SQLite the check runs on a reader, so
// that a busy writer does not take the instance out of service.
func (db *DB) Ready(ctx context.Context) error {
	q := db.router.QueryRowContext
	if db.router.readers != nil {
		q = db.router.readers.QueryRowContext
	}
	var version int64
	if err := q(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&version); err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if version < db.version {
		return fmt.Errorf("the schema is at version %d, this program needs %d", version, db.version)
	}
	return nil
}

// Pools returns the connection pools, for metrics. readers is nil on PostgreSQL,
// which has only one pool.
func (db *DB) Pools() (writer, readers *sql.DB) { return db.router.writer, db.router.readers }

// Close closes all connections. It waits for running queries.
func (db *DB) Close() error {
	var errs []error
	for _, q := range []*gendb.Queries{db.Queries, db.inTx} {
		if q != nil {
			errs = append(errs, q.Close())
		}
	}
	if db.router.readers != nil {
		errs = append(errs, db.router.readers.Close())
	}
	return errors.Join(append(errs, db.DB.Close())...)
}
