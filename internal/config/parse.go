package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

// CLI is a command line that embeds [Config]:
//
//	var cli struct {
//		config.Config `embed:""`
//		Serve   ServeCmd   `cmd:"" help:"…"`
//		Migrate MigrateCmd `cmd:"" help:"…"`
//	}
//	ctx, err := config.Parse(&cli, os.Args[1:], config.Source{Lookup: os.LookupEnv, DotEnv: ".env"})
type CLI interface{ settings() *Config }

// Source is where values come from that are not on the command line. Tests pass a map
// and no file.
type Source struct {
	// Lookup finds an environment variable, as os.LookupEnv does; nil finds none.
	Lookup func(name string) (value string, ok bool)
	// DotEnv is the path of a file of NAME=value lines that stands in for variables
	// missing from the environment. Empty means none; a file that does not exist is fine.
	DotEnv string
}

// Error is everything that is wrong with the settings.
type Error struct {
	// Faults are sentences that name the variable, and never its value.
	Faults []string
}

func (e *Error) Error() string { return strings.Join(e.Faults, "\n") }

// Parse fills cli from args and source and returns kong's context, whose Run calls the
// selected command. The error is an [Error], or of kong where the command line itself
// is wrong (an unknown command or flag), or both joined.
//
// A command with the tag keyless:"" can do without SECRET_KEY in production.
//
// Flags of other commands may name environment variables in the same way. A variable
// NAME_FILE beside NAME names a file that holds the value, as container platforms
// hand out secrets.
func Parse(cli CLI, args []string, source Source, options ...kong.Option) (*kong.Context, error) {
	values := make(map[*kong.Value]value)
	// kong reads the process environment by itself and stops at the first value that it
	// cannot use, quoting it. So it is given no names, only the values that are fit.
	resolve := kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if v, ok := values[flag.Value]; ok {
			return v.text, nil
		}
		return nil, nil
	})
	parser, err := kong.New(cli, append([]kong.Option{kong.Resolvers(resolve), kong.ValueFormatter(describe)}, options...)...)
	if err != nil {
		return nil, err // a mistake in the struct's tags
	}
	layers, faults := source.layers()
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			v, found, wrong := layers.find(flag.Envs)
			if found && wrong == "" {
				wrong = misfit(flag, v)
			}
			switch {
			case wrong != "":
				faults = append(faults, wrong)
			case found:
				values[flag.Value] = v
			}
			flag.Tag.Envs = nil // flag.Envs keeps them, for the help
		}
		return next(nil)
	})
	if err != nil {
		return nil, err
	}

	ctx, err := parser.Parse(args)
	if err != nil {
		// The struct is not filled, so there is nothing more to check.
		if len(faults) > 0 {
			err = errors.Join(err, &Error{Faults: faults})
		}
		return nil, err
	}
	c := cli.settings()
	c.complete(ranks(ctx, values))
	if faults = append(faults, c.faults(isKeyless(ctx))...); len(faults) > 0 {
		return nil, &Error{Faults: faults}
	}
	return ctx, nil
}

// Where a value came from. Greater goes first.
const (
	fromDefault = iota
	fromDotEnv
	fromEnvironment
	fromFlag
)

// value is the text of a setting, the variable it was found in, and where that was.
type value struct {
	text, variable string
	rank           int
}

// layer is one place with variables.
type layer struct {
	lookup func(string) (string, bool)
	rank   int
}

type layers []layer

func (s Source) layers() (found layers, faults []string) {
	if s.Lookup != nil {
		found = append(found, layer{s.Lookup, fromEnvironment})
	}
	if s.DotEnv == "" {
		return found, nil
	}
	content, err := os.ReadFile(s.DotEnv)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found, nil
	case err != nil:
		return found, []string{fmt.Sprintf("%s cannot be read: %s", s.DotEnv, cause(err))}
	}
	vars, err := godotenv.UnmarshalBytes(content)
	if err != nil {
		// The parser quotes the line, which may hold a key.
		return found, []string{s.DotEnv + " has a line that is not of the form NAME=value"}
	}
	return append(found, layer{func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, fromDotEnv}), nil
}

// find returns the value of the first variable that is set. A layer is searched for
// all names before the next one, so that an old name in the environment goes before the
// new name in the file.
func (ls layers) find(names []string) (found value, ok bool, fault string) {
	for _, l := range ls {
		for _, name := range names {
			text, ok := l.lookup(name)
			if !ok || text == "" {
				continue
			}
			plain, isFile := strings.CutSuffix(name, "_FILE")
			if !isFile || !slices.Contains(names, plain) { // LOG_FILE is itself the name of a file
				// Two places for one secret: whichever was meant, the other is a mistake that
				// would be noticed only when the key is changed.
				if other, ok := l.lookup(name + "_FILE"); ok && other != "" && slices.Contains(names, name+"_FILE") {
					return value{}, false, fmt.Sprintf("%s and %s_FILE are both set; keep one", name, name)
				}
				return value{text, name, l.rank}, true, ""
			}
			content, err := os.ReadFile(text)
			if err != nil {
				// Not the path: it may be the secret itself, in the wrong variable.
				return value{}, false, fmt.Sprintf("%s names a file that cannot be read: %s", name, cause(err))
			}
			if text = strings.TrimRight(string(content), "\r\n"); text == "" {
				return value{}, false, fmt.Sprintf("%s names a file that is empty, %s needs a value", name, plain)
			}
			return value{text, name, l.rank}, true, ""
		}
	}
	return value{}, false, ""
}

// cause is a file error without the path.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// misfit tries a value on its flag and says what is wrong with it.
func misfit(flag *kong.Flag, v value) string {
	target := reflect.New(flag.Target.Type()).Elem()
	scan := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: v.text})
	if flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target) == nil {
		return ""
	}
	kind := target.Type()
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch {
	case kind == reflect.TypeFor[Period]():
		return v.variable + " must be a duration such as 12h or 90d"
	case kind.String() == "time.Duration":
		return v.variable + " must be a duration such as 90s, 15m or 1h"
	case kind.Kind() == reflect.Bool:
		return v.variable + " must be true or false"
	case kind.Kind() == reflect.Int:
		return v.variable + " must be a whole number"
	default:
		return v.variable + " cannot be understood"
	}
}

// isKeyless reports whether the command signs nothing, by the tag keyless on it
// or on what it belongs to. Whoever migrates a database need not be trusted with
// the key.
func isKeyless(ctx *kong.Context) bool {
	for node := ctx.Selected(); node != nil; node = node.Parent {
		if node.Tag != nil && node.Tag.Has("keyless") {
			return true
		}
	}
	return false
}

// ranks says for each flag where its value came from.
func ranks(ctx *kong.Context, values map[*kong.Value]value) map[string]int {
	found := make(map[string]int)
	for flag, v := range values {
		found[flag.Name] = v.rank
	}
	for _, step := range ctx.Path {
		if step.Flag != nil && !step.Resolved {
			found[step.Flag.Name] = fromFlag
		}
	}
	return found
}

// describe is the text of a flag in --help: its meaning, its default, its variables.
func describe(v *kong.Value) string {
	text := v.Help
	if d := defaultOf(v); d != "" {
		text += " Default: " + d + "."
	}
	if v.Flag != nil && len(v.Flag.Envs) > 0 {
		text += " ($" + strings.Join(v.Flag.Envs, ", $") + ")"
	}
	return text
}

// defaultOf is a flag's default, in words where it depends on other settings.
func defaultOf(v *kong.Value) string {
	if words := v.Tag.Get("standard"); words != "" {
		return words
	}
	return v.Default
}
