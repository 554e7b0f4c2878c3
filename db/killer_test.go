package db_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
)

// killer ends the process before one of its statements, as kill -9 or the OOM
// killer would: no deferred function runs and no connection is closed.
type killer struct{ left atomic.Int64 }

func (k *killer) statement() {
	if k.left.Add(-1) < 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // block until the signal arrives, so that no statement is sent
	}
}

func asExit(err error, exit **exec.ExitError) bool { return errors.As(err, exit) }

type killingConnector struct {
	driver.Connector
	k *killer
}

func (c killingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return killingConn{conn.(fullConn), c.k}, nil
}

// fullConn has the methods that the connections of both drivers share.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
}

type killingConn struct {
	fullConn
	k *killer
}

func (c killingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.k.statement()
	tx, err := c.fullConn.BeginTx(ctx, opts)
	return killingTx{tx, c.k}, err
}

func (c killingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.k.statement()
	return c.fullConn.PrepareContext(ctx, query)
}

func (c killingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.k.statement()
	return c.fullConn.ExecContext(ctx, query, args)
}

func (c killingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.k.statement()
	return c.fullConn.QueryContext(ctx, query, args)
}

// CheckNamedValue forwards to the driver, because pgx requires it.
func (c killingConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.fullConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type killingTx struct {
	driver.Tx
	k *killer
}

func (tx killingTx) Commit() error {
	tx.k.statement()
	return tx.Tx.Commit()
}
