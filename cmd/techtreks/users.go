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

// usersCommand manages accounts from the command line, without a login. It creates the
// first administrator. The server may run at the same time.
type usersCommand struct {
	List          usersList          `cmd:"" help:"List accounts."`
	Show          usersShow          `cmd:"" help:"Show one account."`
	Create        usersCreate        `cmd:"" help:"Create an account and send its owner an invitation to choose a password."`
	SetRole       usersSetRole       `cmd:"" help:"Change the role of an account. The last active administrator keeps the role."`
	Disable       usersDisable       `cmd:"" help:"Disable an account. Its sessions and mailed links end at once."`
	Enable        usersEnable        `cmd:"" help:"Enable a disabled account."`
	ResetPassword usersResetPassword `cmd:"" help:"Send the owner of an account a link to set a new password."`
	Delete        usersDelete        `cmd:"" help:"Delete an account and all of its data. This cannot be undone."`

	JSON bool `name:"json" help:"Print JSON, one object per line for each account."`
}

// accountArg is the argument that selects an account.
type accountArg struct {
	Name string `arg:"" help:"Username or email address."`
}

// shell carries out the commands.
type shell struct {
	*app.Parts
	out  printer
	json bool
}

// open calls work with the parts of the server that change accounts. Audit events have the
// operation "shell".
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

// change calls do with a locked account in a transaction, and prints the result.
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

// print prints accounts as a table or, with --json, in the form of the API.
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
	_, _ = fmt.Fprintln(table, "ID\tNAME\tEMAIL\tROLE\tSTATE\tVERIFIED\tPASSWORD\tCREATED")
	for _, user := range list {
		m := wire.ManagedUser(user)
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Username, m.Email, m.Role, m.State,
			yesNo(m.EmailVerified), yesNo(m.HasPassword), m.CreatedAt.UTC().Format(time.DateTime+"Z"))
	}
	return table.Flush()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

type usersList struct {
	Search   string `help:"Only accounts whose username or email address begins with TEXT, in upper or lower case." placeholder:"TEXT"`
	Role     string `help:"Only accounts with this role: user, moderator or admin." placeholder:"ROLE" enum:",user,moderator,admin" default:""`
	State    string `help:"Only accounts in this state: active or disabled." placeholder:"STATE" enum:",active,disabled" default:""`
	Verified *bool  `negatable:"" help:"Only accounts with a confirmed (or unconfirmed) email address."`
	Limit    int    `help:"Maximum number of accounts; 0 lists all." default:"50"`
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

// listPage is the number of accounts per query.
const listPage = 200

type usersShow struct{ accountArg }

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
	Username string `arg:"" name:"name" help:"Username."`
	Email    string `arg:"" help:"Email address, to which the invitation is sent."`
	Role     string `help:"user, moderator or admin." enum:"user,moderator,admin" default:"user"`
	Link     bool   `help:"Print the link instead of emailing it. This is the default without MAIL_URL."`
}

func (c usersCreate) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	address, err := email.Parse(c.Email)
	if err != nil {
		return fmt.Errorf("%q is not a valid email address", c.Email)
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
	accountArg
	Link bool `help:"Print the link instead of emailing it. This is the default without MAIL_URL."`
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

// deliver queues a mail with the link, which the running server sends. It returns the link
// instead if show is set or mail is off, so that the first administrator can log in
// without mail. It never does both, because the mailed link would replace the printed one.
func (u *shell) deliver(ctx context.Context, q *gendb.Queries, user gendb.User, show bool) (link string, err error) {
	if show || u.Config.MailURL == "" {
		return u.Accounts.Link(ctx, q, user)
	}
	return "", u.Accounts.SendLink(ctx, q, user)
}

// printLink prints the link, or that it was mailed.
func (u *shell) printLink(user gendb.User, link string) error {
	switch {
	case u.json && link != "":
		return json.NewEncoder(u.out).Encode(map[string]string{"link": link})
	case u.json:
	case link == "":
		u.out.printf("\nThe link will be emailed to %s.\n", user.Email)
	default:
		u.out.printf("\nThis link sets the password of %s. It works once. Give it only to the owner of the account:\n%s\n", user.Username, link)
	}
	return nil
}

type usersSetRole struct {
	accountArg
	Role string `arg:"" help:"user, moderator or admin." enum:"user,moderator,admin"`
}

func (c usersSetRole) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		return u.change(ctx, c.Name, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
			return u.Accounts.SetRole(ctx, q, user, c.Role)
		})
	})
}

type usersDisable struct{ accountArg }

func (c usersDisable) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		return u.change(ctx, c.Name, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
			return u.Accounts.Disable(ctx, q, user)
		})
	})
}

type usersEnable struct{ accountArg }

func (c usersEnable) Run(ctx context.Context, u *usersCommand, cfg *config.Config, logger *slog.Logger, out printer) error {
	return u.open(ctx, cfg, logger, out, func(ctx context.Context, u *shell) error {
		return u.change(ctx, c.Name, func(q *gendb.Queries, user gendb.User) (gendb.User, error) {
			return u.Accounts.Enable(ctx, q, user)
		})
	})
}

type usersDelete struct{ accountArg }

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
