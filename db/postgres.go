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
	// postgresWait bounds the wait for a connection of a full pool.
	postgresWait = 2 * time.Second
	// postgresConns is the size of the pool unless the URL sets pool_max_conns.
	postgresConns = 10
	// connectTimeout bounds a new connection unless the URL sets connect_timeout.
	connectTimeout = 5 * time.Second
)

// postgresTimeouts end whatever hangs on the server's side, so that one stuck
// statement or forgotten transaction cannot hold a connection, and with it the
// whole pool, for good. The URL may set each of them.
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
	delete(cfg.RuntimeParams, "pool_max_conns") // ours; the server would refuse it
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
	d.SetMaxIdleConns(conns) // the default of 2 spends its time on reconnecting
	return d
}

// readTimesInUTC makes times come back as they do from SQLite. pgx gives them
// in the zone of the machine, and the same row would then read differently on
// the two databases, and on two machines.
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

// postgresMigrations opens the database for migrations: one connection to hold
// the lock, one to work on. A migration of a large table may take longer than
// any request is allowed; it still gives up on a lock it cannot have, as whoever
// queues behind it would wait too.
func (t *target) postgresMigrations() *sql.DB {
	cfg := t.pg.Copy()
	cfg.RuntimeParams["statement_timeout"] = "0"
	return t.openPostgres(cfg, 2)
}

// lockPostgres waits until no other instance migrates. The advisory lock ends
// with its connection, so a killed process leaves nothing behind. It is asked
// for again and again rather than waited for: a session waiting inside
// pg_advisory_lock holds a snapshot that CREATE INDEX CONCURRENTLY would wait
// for in turn.
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
	return conn.Close, nil // d is closed with it, and the session ends
}
