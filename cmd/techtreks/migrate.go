package main

import (
	"context"
	"fmt"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/config"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Apply all pending migrations. The server does this at its start."`
	Down   migrateDown   `cmd:"" help:"Revert the newest migration. This deletes what it added, including the data."`
	Status migrateStatus `cmd:"" help:"List the migrations and when they were applied."`
}

type migrateUp struct{}

func (migrateUp) Run(ctx context.Context, cfg *config.Config, out printer) error {
	applied, err := db.MigrateUp(ctx, string(cfg.DatabaseURL))
	for _, m := range applied {
		out.printf("applied %s\n", m.Name)
	}
	if err == nil && len(applied) == 0 {
		out.printf("no pending migrations\n")
	}
	return err
}

type migrateDown struct{}

func (migrateDown) Run(ctx context.Context, cfg *config.Config, out printer) error {
	m, err := db.MigrateDown(ctx, string(cfg.DatabaseURL))
	if err != nil {
		return err
	}
	out.printf("reverted %s\n", m.Name)
	return nil
}

type migrateStatus struct{}

func (migrateStatus) Run(ctx context.Context, cfg *config.Config, out printer) error {
	list, err := db.MigrateStatus(ctx, string(cfg.DatabaseURL))
	if err != nil {
		return err
	}
	for _, m := range list {
		when := "pending"
		if !m.AppliedAt.IsZero() {
			when = m.AppliedAt.UTC().Format("2006-01-02 15:04:05Z")
		}
		out.printf("%-22s %s\n", when, m.Name)
	}
	return nil
}

// printf ignores errors: the reader of a pipe may have closed it.
func (p printer) printf(format string, args ...any) { _, _ = fmt.Fprintf(p, format, args...) }
