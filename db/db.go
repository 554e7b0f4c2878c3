// Package db opens the database, keeps its schema up to date and runs the
// generated queries of gen/db on it. SQLite and PostgreSQL take the same
// queries; what differs between the two stays inside this package.
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

// DB is an open database whose schema is up to date. The generated queries are
// its methods:
//
//	user, err := d.UserByEmailKey(ctx, key)
//
// and each of them is a transaction of its own. Several that belong together
// go through Tx.
type DB struct {
	// The pool that may write: on SQLite the one writer connection, on
	// PostgreSQL the only pool. The queries below use it with a bounded wait;
	// code that calls it directly waits for as long as its context allows.
	*sql.DB
	*gendb.Queries

	Kind Kind

	router  *router
	inTx    *gendb.Queries // the queries as a transaction runs them
	version int64          // the newest migration this program knows
}

// Open brings the schema of the database at url up to date, opens it and
// prepares every query, so that one the database refuses fails here and not
// under the first user. docs/database.md lists the forms of url.
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

// An Option changes how Open opens.
type Option func(*target)

// Through opens pools by open instead of sql.OpenDB, for whoever wants to see
// what is asked of them.
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
		// That was the check. From here on pgx keeps prepared statements per
		// connection itself, and forgets one when a migration by a newer
		// instance changes what it returns; a *sql.Stmt would go on failing.
		err = d.inTx.Close()
		d.inTx = gendb.New(r.writer)
		return d, err
	}
	// A read-only file or disk opens and prepares without complaint. Better to
	// refuse to start than to refuse every registration.
	// Beginning a transaction succeeds even there, so a statement that would
	// write is run: nothing has this hash.
	err = d.Tx(ctx, func(q *gendb.Queries) error {
		_, err := q.SessionDelete(ctx, []byte{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", t, err)
	}
	return d, nil
}

// Tx runs fn in a transaction: committed when fn returns nil, rolled back when
// it returns an error or panics. Everything inside must use q. SQLite has one
// writer, which fn occupies until it returns, so fn must not hash passwords,
// send mail or call the DB's own methods (those would wait for fn, until the
// bounded wait for a connection ends them).
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
			// Whatever SQLite calls it, it was the caller who left.
			err = errors.Join(ctx.Err(), err)
		}
		return err
	}
	// A no-op after Commit; in effect on an error and on a panic, which goes on
	// to its recoverer with nothing left open behind it.
	defer func() { _ = tx.Rollback() }()
	if err := fn(db.inTx.WithTx(tx)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			// database/sql rolled back because the caller is gone.
			return ctx.Err()
		}
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// View runs fn in a transaction that reads: all of its queries see the database as
// it was at one instant, whatever others write meanwhile. It writes nothing, and on
// SQLite it waits for no writer and keeps none waiting.
func (db *DB) View(ctx context.Context, fn func(q *gendb.Queries) error) error {
	if db.router.readers != nil {
		// There, every transaction that reads is so.
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

// WithTx gives the queries for a transaction begun by hand. It stands in front
// of the generated method of that name, whose SELECTs are prepared on SQLite's
// read-only pool and therefore refused by a transaction of the writer.
func (db *DB) WithTx(tx *sql.Tx) *gendb.Queries { return db.inTx.WithTx(tx) }

// Ready reports whether the database answers and its schema is at least the one
// this program was built for: while a newer release is being rolled out, its
// schema still serves this one. On SQLite it asks a reader, so that a busy writer does
// not take the instance out of service.
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

// Pools are the connections, for whoever counts them; readers is nil on
// PostgreSQL, which has but one pool.
func (db *DB) Pools() (writer, readers *sql.DB) { return db.router.writer, db.router.readers }

// Close ends all connections. It waits for queries that have begun.
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
