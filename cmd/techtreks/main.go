// Command techtreks is the TechTreks Auth server with its administration commands.
// "techtreks --help" lists every setting.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/password"
	"github.com/techtreks/auth/internal/problem"
)

// version is set by the build.
var version = "development"

type cli struct {
	config.Config `embed:""`

	Serve   serveCommand   `cmd:"" help:"Run the server: migrate the database, then serve requests until SIGTERM."`
	Migrate migrateCommand `cmd:"" keyless:"" help:"Manage the database schema."`

	Users usersCommand `cmd:"" keyless:"" help:"Manage accounts."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

func main() { os.Exit(runProcess(hashCost{})) }

// hashCost is the cost of new password hashes; nil means the cost that package password
// sets. There is no setting for it: only tests lower it.
type hashCost struct{ *password.Params }

// runProcess runs the program with the arguments and the environment of the process.
func runProcess(cost hashCost) (status int) {
	source := config.Source{Lookup: os.LookupEnv, DotEnv: ".env"}
	return run(context.Background(), os.Args[1:], source, os.Stdout, os.Stderr, cost)
}

// run runs a command and returns the exit status: 0 for success, 1 for a failure, invalid
// settings included.
func run(ctx context.Context, args []string, source config.Source, stdout, stderr io.Writer, cost hashCost) int {
	var c cli
	help := false
	command, err := config.Parse(&c, args, source,
		kong.Name("techtreks"),
		kong.Description("An authentication backend for web front ends. Settings come from flags, from the environment and from a file .env, in this order."),
		kong.Vars{"version": version},
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { help = true }), // --help or --version has printed its text
	)
	if help {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "techtreks: cannot start:\n%s\n", indent(err))
		return 1
	}
	serves := command.Command() == "serve"
	log := stdout
	if !serves {
		log = stderr // standard output is for the result, which another program may read
	}
	logger := newLogger(log, c.Level())
	if serves && c.LogFile != "" {
		file, err := openLogFile(c.LogFile)
		if err != nil {
			_, _ = fmt.Fprintf(stderr, "techtreks: cannot start:\n  LOG_FILE cannot be written: %v\n", err)
			return 1
		}
		defer func() { _ = file.Close() }()
		logger = alsoTo(logger, file, c.Level())
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(&c.Config, logger, printer{stdout}, cost); err != nil {
		if serves {
			logger.ErrorContext(ctx, "stopped", "error", err)
		} else {
			_, _ = fmt.Fprintf(stderr, "techtreks: %s\n", sentence(err))
		}
		return 1
	}
	return 0
}

// sentence returns the text of an error for the terminal. For a problem of the API it is the
// message without status and code.
func sentence(err error) string {
	var known *problem.Error
	if errors.As(err, &known) && known.Status < http.StatusInternalServerError {
		return known.Message
	}
	return err.Error()
}

// indent indents every line of an error, one fault per line.
func indent(err error) string {
	return "  " + strings.ReplaceAll(err.Error(), "\n", "\n  ")
}

// printer is the standard output, for the results of commands other than serve.
type printer struct{ io.Writer }
