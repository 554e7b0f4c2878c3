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

// Source provides the values that are not on the command line. Tests pass a map and no
// file.
type Source struct {
	// Lookup returns an environment variable, as os.LookupEnv does; nil finds none.
	Lookup func(name string) (value string, ok bool)
	// DotEnv is the path of a file with NAME=value lines, for variables that are not in
	// the environment. Empty means no file; the file need not exist.
	DotEnv string
}

// Error reports all faults in the settings.
type Error struct {
	// Faults are sentences with the name of the variable, never with its value.
	Faults []string
}

func (e *Error) Error() string { return strings.Join(e.Faults, "\n") }

// Parse fills cli from args and source and returns kong's context. Its Run method calls
// the selected command. The error is an [Error], an error of kong for an invalid command
// line (an unknown command or flag), or both joined.
//
// A command with the tag keyless:"" does not need SECRET_KEY in production.
//
// Flags of other commands may have environment variables too. If a flag has a variable
// NAME_FILE besides NAME, NAME_FILE names a file that contains the value, as container
// platforms provide secrets.
func Parse(cli CLI, args []string, source Source, options ...kong.Option) (*kong.Context, error) {
	values := make(map[*kong.Value]value)
	// By itself, kong reads the process environment and stops at the first invalid value
	// with a message that contains the value. So it gets no variable names, only values
	// that are valid.
	resolve := kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if v, ok := values[flag.Value]; ok {
			return v.text, nil
		}
		return nil, nil
	})
	parser, err := kong.New(cli, append([]kong.Option{kong.Resolvers(resolve), kong.ValueFormatter(describe)}, options...)...)
	if err != nil {
		return nil, err // an error in the struct's tags
	}
	layers, faults := source.layers()
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			v, found, wrong := layers.find(flag.Envs)
			if found && wrong == "" {
				wrong = checkValue(flag, v)
			}
			switch {
			case wrong != "":
				faults = append(faults, wrong)
			case found:
				values[flag.Value] = v
			}
			flag.Tag.Envs = nil // the help uses flag.Envs
		}
		return next(nil)
	})
	if err != nil {
		return nil, err
	}

	ctx, err := parser.Parse(args)
	if err != nil {
		// The struct is not filled, so its values cannot be checked.
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

// Ranks of the sources of a value. The highest rank has priority.
const (
	fromDefault = iota
	fromDotEnv
	fromEnvironment
	fromFlag
)

// value is the text of a setting, its variable and the rank of its source.
type value struct {
	text, variable string
	rank           int
}

// layer is one source of variables.
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
		// The parser's error contains the line, which may contain a key.
		return found, []string{s.DotEnv + " has a line that is not of the form NAME=value"}
	}
	return append(found, layer{func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, fromDotEnv}), nil
}

// find returns the value of the first variable that is set. It searches a layer for all
// names before the next layer. So an old name in the environment has priority over the
// new name in the file.
func (ls layers) find(names []string) (found value, ok bool, fault string) {
	for _, l := range ls {
		for _, name := range names {
			text, ok := l.lookup(name)
			if !ok || text == "" {
				continue
			}
			plain, isFile := strings.CutSuffix(name, "_FILE")
			if !isFile || !slices.Contains(names, plain) { // LOG_FILE is the setting itself
				// Of two values for one secret, one is a mistake. It would be noticed only
				// when the key is changed.
				if other, ok := l.lookup(name + "_FILE"); ok && other != "" && slices.Contains(names, name+"_FILE") {
					return value{}, false, fmt.Sprintf("%s and %s_FILE are both set; keep one", name, name)
				}
				return value{text, name, l.rank}, true, ""
			}
			content, err := os.ReadFile(text)
			if err != nil {
				// The message has no path: it may be the secret itself, in the wrong variable.
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

// cause returns the text of a file error without the path.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// checkValue decodes a value for its flag and returns the fault, if any.
func checkValue(flag *kong.Flag, v value) string {
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
		return v.variable + " is not valid"
	}
}

// isKeyless reports whether the command signs nothing: it or one of its parents has the
// tag keyless. So an operator can migrate a database without access to the key.
func isKeyless(ctx *kong.Context) bool {
	for node := ctx.Selected(); node != nil; node = node.Parent {
		if node.Tag != nil && node.Tag.Has("keyless") {
			return true
		}
	}
	return false
}

// ranks returns the rank of the source of each flag's value.
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

// describe returns the text of a flag in --help: its meaning, default and variables.
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

// defaultOf returns a flag's default, in words if it depends on other settings.
func defaultOf(v *kong.Value) string {
	if words := v.Tag.Get("standard"); words != "" {
		return words
	}
	return v.Default
}
