package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// One outcome too few, one example too few or one outcome too many fails, and so
// does a report that says something else.
func TestWhatIsMissingOrTooMuchFails(t *testing.T) {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, o := range c.Outcomes() {
		lines = append(lines, o.String())
	}
	outcomes := len(lines)
	for _, e := range c.Examples() {
		lines = append(lines, e.String())
	}
	report := filepath.Join(t.TempDir(), "conformance.md")
	try := func(write bool, notes ...[]string) error {
		t.Helper()
		dir := t.TempDir()
		for i, lines := range notes {
			if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return run(report, write, dir, io.Discard)
	}
	if try(false, lines) == nil {
		t.Error("no report is as good as a report")
	}
	if err := try(true, lines[:9], lines[9:]); err != nil {
		t.Error(err)
	}
	if err := try(false, lines); err != nil {
		t.Error(err)
	}
	for name, notes := range map[string][]string{
		"nothing": nil, "an outcome too few": lines[1:], "an example too few": append(lines[:outcomes:outcomes], lines[outcomes+1:]...),
		"an outcome too many": append(lines[:len(lines):len(lines)], "login 418 teapot"),
	} {
		if try(true, notes) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

var update = flag.Bool("update", false, "write the report without proving it, which make test will")

// The report changes with the contract, and says so before every test has run.
func TestTheReportIsOfThisContract(t *testing.T) {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	const report = "../../../docs/conformance.md"
	want := render(c.Outcomes(), len(c.Examples()))
	if *update {
		if err := os.WriteFile(report, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(report); err != nil || string(got) != want {
		t.Errorf("%s is of another contract (%v): go test ./internal/contract/conformance -update", report, err)
	}
}
