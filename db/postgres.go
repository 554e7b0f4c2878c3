package db

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// postgresWait limits the wait for a connection from an exhausted pool.
	postgresWait = 2 * time.Second
	// postgresConns is the pool size unless the URL sets pool_max_conns.
	postgresConns = 10
	// connectTimeout limits connecting unless the URL sets connect_timeout.
	connectTimeout = 5 * time.Second
)

// postgresTimeouts limit statements, locks and idle transactions on the server.
// Without them, a few stuck statements or forgotten transactions could occupy
// the whole pool for ever. The URL may override each of them.
var postgresTimeouts = map[string]string{
	"statement_timeout":                   "5s",
	"lock_timeout":                        "2s",
	"idle_in_transaction_session_timeout": "10s",
}

func postgresTarget(u *url.URL) (*target, error) {
	t := &target{kind: Postgres, maxConns: postgresConns}
	query := u.Query()
	if v := query.Get("pool_max_conns"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("pool_max_conns must be a whole number of at least 1")
		}
		t.maxConns = n
	}
	cfg, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, err
	}
	delete(cfg.RuntimeParams, "pool_max_conns") // the server does not know this setting
	for name, value := range postgresTimeouts {
		if _, set := cfg.RuntimeParams[name]; !set && !strings.Contains(cfg.RuntimeParams["options"], name) {
			cfg.RuntimeParams[name] = value
		}
	}
	if _, set := cfg.RuntimeParams["application_name"]; !set {
		cfg.RuntimeParams["application_name"] = "techtreks"
	}
	if !query.Has("connect_timeout") && os.Getenv("PGCONNECT_TIMEOUT") == "" {
		cfg.ConnectTimeout = connectTimeout
	}
	t.pg = cfg
	return t, nil
}

// openPostgres opens a pool on cfg.
func (t *target) openPostgres(cfg *pgx.ConnConfig, conns int) *sql.DB {
	c := stdlib.GetConnector(*cfg, stdlib.OptionAfterConnect(readTimesInUTC))
	if t.wrap != nil {
		c = t.wrap(c)
	}
	d := t.open(c)
	d.SetMaxOpenConns(conns)
	d.SetMaxIdleConns(conns) // with the default of 2, most time goes into reconnecting
	return d
}

// readTimesInUTC makes pgx return times in UTC, as the SQLite driver does. By
// default pgx uses the machine's time zone, so the same row would differ between
// the two databases and between two machines.
func readTimesInUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

func (t *target) connectPostgres() *router {
	return &router{writer: t.openPostgres(t.pg, t.maxConns), wait: postgresWait}
}

// postgresMigrations opens the database for migrations, with one connection for
// the lock and one for the migrations. There is no statement_timeout, because
// migrating a large table may take longer than any request may. lock_timeout
// stays: other sessions queue behind a migration that waits for a table lock.
func (t *target) postgresMigrations() *sql.DB {
	cfg := t.pg.Copy()
	cfg.RuntimeParams["statement_timeout"] = "0"
	return t.openPostgres(cfg, 2)
}

// lockPostgres waits until no other instance migrates and takes an advisory
// lock. The lock ends with its connection, so a killed process leaves none
// behind. lockPostgres polls with pg_try_advisory_lock: a session that waits in
// pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY waits for
// that snapshot.
func (t *target) lockPostgres(ctx context.Context, d *sql.DB, id int64) (unlock func() error, err error) {
	conn, err := d.Conn(ctx)
	if err != nil {
		return nil, err
	}
	err = poll(ctx, func() (locked bool, err error) {
		err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", id).Scan(&locked)
		return locked, err
	})
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn.Close, nil // the caller also closes d, which ends the session
}
