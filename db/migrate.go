package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// Migrations returns the migration files for a kind of database.
func Migrations(kind Kind) fs.FS {
	files, err := fs.Sub(migrations, path.Join("migrations", string(kind)))
	if err != nil {
		panic(err) // the kind is not a valid file name
	}
	return files
}

// ErrNewerSchema means that a newer release has migrated the database. This
// release does not know the new meaning of its columns and refuses to use it.
var ErrNewerSchema = errors.New("the database schema is newer than this program: start the release that migrated it, or a later one")

// Migration is one numbered step of the schema.
type Migration struct {
	Version   int64
	Name      string    // the file name
	AppliedAt time.Time // zero while it is pending
}

// MigrateUp applies the pending migrations and returns them. Several processes
// may call it at the same time: one migrates, the others wait.
func MigrateUp(ctx context.Context, url string) ([]Migration, error) {
	t, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	return t.migrateUp(ctx)
}

// MigrateDown reverts the newest applied migration and deletes its data.
func MigrateDown(ctx context.Context, url string) (Migration, error) {
	t, err := parseURL(url)
	if err != nil {
		return Migration{}, err
	}
	var undone Migration
	err = t.migrate(ctx, func(p *goose.Provider, _ *sql.DB) error {
		result, err := p.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return errors.New("there is no migration to revert")
		}
		if err == nil {
			undone = fromSource(result.Source)
		}
		return err
	})
	return undone, err
}

// MigrateStatus lists all migrations in order.
func MigrateStatus(ctx context.Context, url string) ([]Migration, error) {
	t, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	var list []Migration
	err = t.migrate(ctx, func(p *goose.Provider, _ *sql.DB) error {
		status, err := p.Status(ctx)
		for _, s := range status {
			m := fromSource(s.Source)
			m.AppliedAt = s.AppliedAt
			list = append(list, m)
		}
		return err
	})
	return list, err
}

func fromSource(s *goose.Source) Migration {
	return Migration{Version: s.Version, Name: path.Base(s.Path)}
}

func (t *target) migrateUp(ctx context.Context) (applied []Migration, err error) {
	err = t.migrate(ctx, func(p *goose.Provider, d *sql.DB) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			applied = append(applied, fromSource(r.Source))
		}
		if err == nil && len(applied) > 0 && t.kind == SQLite {
			return checkForeignKeys(ctx, d)
		}
		return err
	})
	return applied, err
}

// migrate runs fn while no other process migrates this database. On both
// databases, goose applies a file and records its version in one transaction. A
// process killed at any point therefore leaves only complete migrations, and the
// next process continues from there.
func (t *target) migrate(ctx context.Context, fn func(*goose.Provider, *sql.DB) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("migrate %s: %w", t, err)
		}
	}()
	d, unlock, err := t.openForMigration(ctx)
	if err != nil {
		return err
	}
	// Close the connection before the lock. Closing the last connection of an
	// SQLite file checkpoints and removes its WAL, which must be complete before
	// the next process opens the file.
	defer func() { err = errors.Join(err, d.Close(), unlock()) }()
	p, err := t.provider(d)
	if err != nil {
		return err
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if version > newest(p) {
		return fmt.Errorf("%w (it is at version %d, this program knows up to %d)", ErrNewerSchema, version, newest(p))
	}
	return fn(p, d)
}

// openForMigration opens the database and takes the migration lock. On SQLite it
// takes the lock first, because two processes must not create and open the file
// at the same time.
func (t *target) openForMigration(ctx context.Context) (d *sql.DB, unlock func() error, err error) {
	if t.kind == Postgres {
		d = t.postgresMigrations()
		// goose's own lock id, so that its command line tool waits as well.
		if unlock, err = t.lockPostgres(ctx, d, lock.DefaultLockID); err != nil {
			return nil, nil, errors.Join(err, d.Close())
		}
		return d, unlock, nil
	}
	if unlock, err = t.lockSQLite(ctx); err != nil {
		return nil, nil, err
	}
	if err = createPrivate(t.path); err == nil {
		d, err = t.sqliteMigrations()
	}
	if err != nil {
		return nil, nil, errors.Join(err, unlock())
	}
	return d, unlock, nil
}

func (t *target) provider(d *sql.DB) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if t.kind == Postgres {
		dialect = goose.DialectPostgres
	}
	return goose.NewProvider(dialect, d, Migrations(t.kind), goose.WithDisableGlobalRegistry(true))
}

func newest(p *goose.Provider) int64 {
	sources := p.ListSources()
	return sources[len(sources)-1].Version
}

// newestVersion returns the version of the newest migration in this program.
func (t *target) newestVersion() (int64, error) {
	d := sql.OpenDB(failing{errors.New("not for use")}) // goose requires a database, but listing does not use it
	defer func() { _ = d.Close() }()
	p, err := t.provider(d)
	if err != nil {
		return 0, err
	}
	return newest(p), nil
}

// connect opens the pools that serve requests.
func (t *target) connect() (*router, error) {
	if t.kind == Postgres {
		return t.connectPostgres(), nil
	}
	return t.connectSQLite()
}

const (
	migrationWait = time.Minute // how long a process waits for another one's migrations
	pollInterval  = 50 * time.Millisecond
)

// poll calls try until it returns true or an error, for at most migrationWait.
func poll(ctx context.Context, try func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, migrationWait,
		fmt.Errorf("another process has been migrating for %s; end it and start again", migrationWait))
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if ok, err := try(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
