package config

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

var update = flag.Bool("update", false, "rewrite the table in docs/configuration.md")

const (
	manual  = "../../docs/configuration.md"
	example = "../../.env.example"
)

// flags returns the flags of the Config struct.
func flags(t *testing.T) []*kong.Flag {
	t.Helper()
	parser, err := kong.New(&struct {
		Config `embed:""`
	}{}, kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Flags
}

// table returns the tables of settings for the manual.
func table(t *testing.T) string {
	var b strings.Builder
	group := ""
	for _, f := range flags(t) {
		if f.Group.Title != group {
			group = f.Group.Title
			b.WriteString("\n## " + group + "\n\n| Variable | Flag | Default | Meaning |\n|---|---|---|---|\n")
		}
		name := "--" + f.Name
		if f.Tag.Negatable != "" {
			name = "--[no-]" + f.Name
		}
		def := defaultOf(f.Value)
		if regexp.MustCompile(`^[a-z0-9:/.]+$`).MatchString(def) && def != "none" {
			def = "`" + def + "`"
		}
		b.WriteString("| `" + strings.Join(f.Envs, "`, `") + "` | `" + name + "` | " + def + " | " + f.Help + " |\n")
	}
	return b.String()
}

// The tables between the two comments in the manual are generated. The flag -update
// writes them.
func TestManual_ListsEverySetting(t *testing.T) {
	content, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- settings -->\n", "\n<!-- end of settings -->"
	before, rest, ok1 := bytes.Cut(content, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		t.Fatal("the comments around the tables are missing")
	}
	want := string(before) + begin + table(t) + end + string(after)
	if want == string(content) {
		return
	}
	if !*update {
		t.Fatal("docs/configuration.md differs from the Config struct; run: go test ./internal/config -run Manual -update")
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil { //nolint:gosec // a document
		t.Fatal(err)
	}
}

func TestHelp_ListsEverySetting(t *testing.T) {
	var out bytes.Buffer
	var c cli
	_, _ = Parse(&c, []string{"serve", "--help"}, Source{}, kong.Name("techtreks"), kong.Writers(&out, &out), kong.Exit(func(int) {}))
	help := strings.Join(strings.Fields(out.String()), " ")
	for _, f := range flags(t) {
		if !strings.Contains(help, "-"+f.Name) && !strings.Contains(help, "]"+f.Name) {
			t.Errorf("--%s is missing", f.Name)
		}
		if want := "Default: " + defaultOf(f.Value) + ". ($" + strings.Join(f.Envs, ", $") + ")"; !strings.Contains(help, want) {
			t.Errorf("--%s: no %q in the help", f.Name, want)
		}
	}
}

// The example contains every setting, commented out, so that a copy of it changes
// nothing. Without the comment characters it is valid.
func TestExample_ListsEverySetting(t *testing.T) {
	content, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	unchanged, err := godotenv.UnmarshalBytes(content)
	if err != nil || len(unchanged) != 0 {
		t.Errorf("a copy of the example sets %d variables, %v", len(unchanged), err)
	}
	uncommented := regexp.MustCompile(`(?m)^#([A-Z_]+=)`).ReplaceAll(content, []byte("$1"))
	set, err := godotenv.UnmarshalBytes(uncommented)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flags(t) {
		if _, ok := set[f.Envs[0]]; !ok {
			t.Errorf("%s is missing", f.Envs[0])
		}
		delete(set, f.Envs[0])
	}
	for name := range set {
		t.Errorf("%s is not a setting", name)
	}
	if _, err := parse(t, nil, nil, string(uncommented)); err != nil {
		t.Errorf("the example is not valid: %v", err)
	}
}

func TestConfig_EverySettingHasHelpAndDefault(t *testing.T) {
	for _, f := range flags(t) {
		if len(f.Envs) == 0 || f.Help == "" || f.Group == nil || defaultOf(f.Value) == "" {
			t.Errorf("--%s lacks a variable, a help text, a group or a default", f.Name)
		}
		if strings.Contains(f.Help, "|") {
			t.Errorf("--%s: a | in the help breaks the manual's table", f.Name)
		}
	}
}
