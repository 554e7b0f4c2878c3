// Command conformance says whether the tests have seen every answer that the
// contract promises and every example that it shows. It reads what they have
// noted (see contracttest) and fails when one was seen by no test, or when a test
// has seen what is not in the contract.
//
//	conformance [-report docs/conformance.md] [-write] NOTES
//
// Without -write the report must already say what is true.
package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

func main() {
	report := flag.String("report", "docs/conformance.md", "the report")
	write := flag.Bool("write", false, "write the report instead of comparing it")
	flag.Parse()
	if err := run(*report, *write, flag.Arg(0), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(report string, write bool, notes string, out io.Writer) error {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		return err
	}
	seen, err := read(notes)
	if err != nil {
		return err
	}
	outcomes, examples := c.Outcomes(), c.Examples()
	promised := map[string]bool{}
	for _, o := range outcomes {
		promised[o.String()] = true
	}
	for _, e := range examples {
		promised[e.String()] = true
	}
	faults := tell(out, "no test has seen:   ", promised, seen) + tell(out, "not in the contract:", seen, promised)
	fmt.Fprintf(out, "%d outcomes and %d examples in the contract, %d faults\n", len(outcomes), len(examples), faults)
	if faults > 0 {
		return fmt.Errorf("the tests and the contract disagree in %d lines", faults)
	}
	text := render(outcomes, len(examples))
	if write {
		return os.WriteFile(report, []byte(text), 0o644)
	}
	if current, err := os.ReadFile(report); err != nil || string(current) != text {
		return fmt.Errorf("%s is not what is true now: write it with `make conformance`", report)
	}
	return nil
}

// read collects what all test processes have noted.
func read(dir string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			seen[strings.TrimSpace(line)] = true
		}
	}
	return seen, nil
}

// tell writes what is among these and not among those.
func tell(out io.Writer, what string, these, those map[string]bool) (faults int) {
	for _, line := range slices.Sorted(maps.Keys(these)) {
		if !those[line] {
			faults++
			fmt.Fprintln(out, what, line)
		}
	}
	return faults
}

// render writes the report: a line for each operation and status. That it is
// written at all says that every outcome in it was seen.
func render(outcomes []contract.Outcome, examples int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Conformance

Written by `+"`make conformance`"+`, which fails when no test has seen one of the %d outcomes below, or one of the %d examples
that the contract has of them, and when a test has seen an outcome that is not here. Every answer that any test sees is
held against the contract: status, headers, media type, body.
`, len(outcomes), examples)
	operation, status := "", 0
	for _, o := range outcomes {
		if o.Operation != operation {
			if operation != "" {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "\n## %s\n", o.Operation)
			operation, status = o.Operation, 0
		}
		if o.Status != status {
			fmt.Fprintf(&b, "\n- %d", o.Status)
			status = o.Status
		} else {
			b.WriteString(",")
		}
		if o.Code != "" {
			fmt.Fprintf(&b, " `%s`", o.Code)
		}
	}
	b.WriteString("\n")
	return b.String()
}
