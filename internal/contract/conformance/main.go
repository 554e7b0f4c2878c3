// Command conformance says whether the tests have seen every answer that the
// contract promises and every example that it shows, on both databases. It reads
// what they have noted (see contracttest) and fails when one was not seen, or when
// a test has seen what is not in the contract.
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
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// kinds are the databases on which all has to be seen.
var kinds = []string{string(db.SQLite), string(db.Postgres)}

// A sight is an outcome or an example, in its own words, and where it was seen.
type sight struct{ what, database string }

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
	var promised []string
	for _, o := range outcomes {
		promised = append(promised, o.String())
	}
	for _, e := range examples {
		promised = append(promised, e.String())
	}
	faults := compare(out, promised, seen)
	fmt.Fprintf(out, "%d outcomes and %d examples in the contract, %d faults\n", len(outcomes), len(examples), faults)
	if faults > 0 {
		return fmt.Errorf("the tests and the contract disagree in %d lines", faults)
	}
	text := render(outcomes, len(examples), seen)
	if write {
		return os.WriteFile(report, []byte(text), 0o644)
	}
	if current, err := os.ReadFile(report); err != nil || string(current) != text {
		return fmt.Errorf("%s is not what is true now: write it with `make conformance`", report)
	}
	return nil
}

// read collects what all test processes have noted.
func read(dir string) (map[sight]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	seen := map[sight]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			database, what, _ := strings.Cut(strings.TrimSpace(line), " ")
			seen[sight{what, database}] = true
		}
	}
	return seen, nil
}

// compare writes what is promised and was not seen on each database, and what was
// seen on any and is not promised.
func compare(out io.Writer, promised []string, seen map[sight]bool) (faults int) {
	var lines []string
	for _, what := range promised {
		for _, kind := range kinds {
			if !seen[sight{what, kind}] {
				lines = append(lines, fmt.Sprintf("no test has seen on %s: %s", kind, what))
			}
		}
	}
	for s := range maps.Keys(seen) {
		if !slices.Contains(promised, s.what) {
			lines = append(lines, fmt.Sprintf("not in the contract, on %s: %s", s.database, s.what))
		}
	}
	for _, line := range slices.Sorted(slices.Values(lines)) {
		fmt.Fprintln(out, line)
	}
	return len(lines)
}

// render writes the report: a line for each operation and status, of what was seen
// on every kind of database, in the order of the contract.
func render(order []contract.Outcome, examples int, seen map[sight]bool) string {
	outcomes := slices.DeleteFunc(slices.Clone(order), func(o contract.Outcome) bool {
		return slices.ContainsFunc(kinds, func(kind string) bool { return !seen[sight{o.String(), kind}] })
	})
	var b strings.Builder
	fmt.Fprintf(&b, `# Conformance

Written by `+"`make conformance`"+` out of what the tests have noted. It fails when no test has seen one of the %d outcomes below
on SQLite, or on PostgreSQL, or one of the %d examples that the contract has of them, and when a test has seen an outcome
that is not here. Every answer that any test sees is held against the contract: status, headers, media type, body.

A 500 is what nobody has foreseen. Each operation is seen to answer it when the code around all operations panics, and each
that asks a database when that fails within the operation itself (`+"`TestEveryOperationThatAsksTheDatabaseFailsWithIt`"+` names
the others).
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
