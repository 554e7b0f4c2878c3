package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/techtreks/auth/db"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/accounts"
	"github.com/techtreks/auth/internal/app"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/email"
	"github.com/techtreks/auth/internal/reqctx"
	"github.com/techtreks/auth/internal/wire"
)

// usersCommand manages accounts without an account, for people with a shell on the
// machine: it creates the first administrator. The server may run at the same time.
type usersCommand struct {
	List          usersList          `cmd:"" help:"List accounts."`
	Show          usersShow          `cmd:"" help:"Show one account."`
	Create        usersCreate        `cmd:"" help:"Make an account and invite its owner, who chooses the password."`
	SetRole       usersSetRole       `cmd:"" help:"Change what somebody may do. The last active administrator stays one."`
	Disable       usersDisable       `cmd:"" help:"Lock somebody out: sessions and mailed links end at once."`
	Enable        usersEnable        `cmd:"" help:"Let somebody in again."`
	ResetPassword usersResetPassword `cmd:"" help:"Let somebody set a new password, by a mailed link."`
	Delete        usersDelete        `cmd:"" help:"Delete an account and all that belongs to it. There is no way back."`

	JSON bool `name:"json" help:"Print JSON, an object for each account on a line of its own."`
}

// one names an account.
type one struct {
	Name string `arg:"" help:"User name or e-mail address."`
}

// shell manages accounts on the command line.
type shell struct {
	*app.Parts
	out  printer
	json bool
}

// open runs work with the parts of the server that change accounts. Their audit events
// have the operation "shell".
func (u *usersCommand) open(ctx context.Context, cfg *config.Config, logger *slog.Logger, out printer, work func(context.Context, *shell) error) (err error) {
	d, err := db.Open(ctx, string(cfg.DatabaseURL))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	parts, err := app.NewParts(cfg, d, time.Now, logger, nil)
	if err != nil {
		return err
	}
	ctx = reqctx.With(ctx, &reqctx.Info{Operation: reqctx.Shell})
	return work(ctx, &shell{parts, out, u.JSON})
}

// change changes an account in a transaction, and prints the result.
func (u *shell) change(ctx context.Context, name string, do func(*gendb.Queries, gendb.User) (gendb.User, error)) error {
	var user gendb.User
	err := u.DB.Tx(ctx, func(q *gendb.Queries) error {
		found, err := find(ctx, q, name)
		if err != nil {
			return err
		}
		if user, err = u.Accounts.Lock(ctx, q, found.ID); err != nil {
			return err
		}
		user, err = do(q, user)
		return err
	})
	if err != nil {
		return err
	}
	return u.print(user)
}

var errNoAccount = errors.New("no such account")

func find(ctx context.Context, q *gendb.Queries, name string) (gendb.User, error) {
	user, err := accounts.ByLogin(ctx, q, name)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoAccount
	}
	return user, err
}

// print shows accounts as a table or, with --json, as the API does.
func (u *shell) print(list ...gendb.User) error {
	if u.json {
		encoder := json.NewEncoder(u.out)
		for _, user := range list {
			if err := encoder.Encode(wire.ManagedUser(user)); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(u.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tNAME\tE-MAIL\tROLE\tSTATE\tVERIFIED\tPASSWORD\tCREATED")
	for _, user := range list {
		m := wire.ManagedUser(user)
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Username, m.Email, m.Role, m.State,
			yes(m.EmailVerified), yes(m.HasPassword), m.CreatedAt.UTC().Format(time.DateTime+"Z"))
	}
	return table.Flush()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

type usersList struct {
	Search   string `help:"Beginning of the user name or the e-mail address, in any case." placeholder:"TEXT"`
	Role     string `help:"Only user, moderator or admin." placeholder:"ROLE" enum:",user,moderator,admin" default:""`
	State    string `help:"Only active or disabled." placeholder:"STATE" enum:",active,disabled" default:""`
	Verified *bool  `negatable:"" help:"Only those whose address is confirmed, or is not."`
	Limit    int    `help:"How many at most; 0 is all." default:"50"`
}

func (c usersList) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	filter := accounts.Filter{Search: c.Search, Role: c.Role, Verified: c.Verified}
	if c.State != "" {
		disabled := c.State == "disabled"
		filter.Disabled = &disabled
	}
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		var all []gendb.User
		for from, more := "", true; more; more = from != "" {
			page, next, err := u.Accounts.List(ctx, filter, from, listPage)
			if err != nil {
				return err
			}
			all, from = append(all, page...), next
			if c.Limit > 0 && len(all) >= c.Limit {
				all = all[:c.Limit]
				break
			}
		}
		return u.print(all...)
	})
}

// listPage is how many accounts one query reads.
const listPage = 200

type usersShow struct{ one }

func (c usersShow) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		user, err := find(ctx, u.DB.Queries, c.Name)
		if err != nil {
			return err
		}
		return u.print(user)
	})
}

type usersCreate struct {
	Username string `arg:"" name:"name" help:"User name."`
	Email    string `arg:"" help:"E-mail address, which the invitation goes to."`
	Role     string `help:"user, moderator or admin." enum:"user,moderator,admin" default:"user"`
	Link     bool   `help:"Print the link instead of mailing it, as is done without MAIL_URL."`
}

func (c usersCreate) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	address, err := email.Parse(c.Email)
	if err != nil {
		return err
	}
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		contract, err := app.LoadContract(cfg)
		if err != nil {
			return err
		}
		if err := contract.Check("Username", c.Username); err != nil {
			return err
		}
		var user gendb.User
		var link string
		err = u.DB.Tx(ctx, func(q *gendb.Queries) (err error) {
			user, err = u.Accounts.Create(ctx, q, accounts.New{Username: c.Username, Address: address, Role: c.Role, Locale: "en"})
			if err == nil {
				link, err = u.deliver(ctx, q, user, c.Link)
			}
			return err
		})
		if err != nil {
			return err
		}
		return errors.Join(u.print(user), u.printLink(user, link))
	})
}

type usersResetPassword struct {
	one
	Link bool `help:"Print the link instead of mailing it, as is done without MAIL_URL."`
}

func (c usersResetPassword) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		var owner gendb.User
		var link string
		err := u.change(ctx, c.Name, func(q *gendb.Queries, user gendb.User) (_ gendb.User, err error) {
			owner = user
			link, err = u.deliver(ctx, q, user, c.Link)
			return user, err
		})
		if err != nil {
			return err
		}
		return u.printLink(owner, link)
	})
}

// deliver has the link mailed by the server that runs, or returns it where none
// can mail it: without that the first administrator could never get in. Never
// both: the mail would make the link that was printed useless.
func (u *shell) deliver(ctx context.Context, q *gendb.Queries, user gendb.User, show bool) (link string, err error) {
	if show || u.Config.MailURL == "" {
		return u.Accounts.Link(ctx, q, user)
	}
	return "", u.Accounts.SendLink(ctx, q, user)
}

// printLink says how the owner gets in.
func (u *shell) printLink(user gendb.User, link string) error {
	switch {
	case u.json && link != "":
		return json.NewEncoder(u.out).Encode(map[string]string{"link": link})
	case u.json:
	case link == "":
		u.out.printf("\nA mail to %s is on its way.\n", user.Email)
	default:
		u.out.printf("\nWhoever opens this link sets the password of %s. It works once; give it to nobody else:\n%s\n", user.Username, link)
	}
	return nil
}

type usersSetRole struct {
	one
	Role string `arg:"" help:"user, moderator or admin." enum:"user,moderator,admin"`
}

func (c usersSetRole) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		return u.change(ctx, c.Name, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
			return u.Accounts.SetRole(ctx, q, user, c.Role)
		})
	})
}

type usersDisable struct{ one }

func (c usersDisable) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		return u.change(ctx, c.Name, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
			return u.Accounts.Disable(ctx, q, user)
		})
	})
}

type usersEnable struct{ one }

func (c usersEnable) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		return u.change(ctx, c.Name, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
			return u.Accounts.Enable(ctx, q, user)
		})
	})
}

type usersDelete struct{ one }

func (c usersDelete) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		err := u.DB.Tx(ctx, func(q *gendb.Queries) error {
			found, err := find(ctx, q, c.Name)
			if err != nil {
				return err
			}
			user, err := u.Accounts.Lock(ctx, q, found.ID)
			if err != nil {
				return err
			}
			return u.Accounts.Delete(ctx, q, user)
		})
		if err == nil && !u.json {
			out.printf("deleted %s\n", c.Name)
		}
		return err
	})
}
