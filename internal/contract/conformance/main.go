// Command conformance checks that the tests have seen every outcome, example and audit event of the
// contract, on both databases. It reads the notes of the tests (see contracttest). It fails if one of
// these is missing, or if a test has seen one that is not in the contract.
//
//	conformance [-report docs/conformance.md] [-write] NOTES
//
// Without -write it fails if the report is not up to date.
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

// kinds are the databases on which the tests must see everything.
var kinds = []string{string(db.SQLite), string(db.Postgres)}

// An observation is an outcome, an example or an audit event, as its String method writes it, and the
// database on which a test has seen it.
type observation struct{ what, database string }

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
	outcomes, examples, events := c.Outcomes(), c.Examples(), c.AuditEvents()
	promised := slices.Concat(texts(outcomes), texts(examples), texts(events))
	faults := compare(out, promised, seen)
	fmt.Fprintf(out, "%d outcomes, %d examples and %d audit events in the contract, %d faults\n",
		len(outcomes), len(examples), len(events), faults)
	if faults > 0 {
		return fmt.Errorf("the tests and the contract differ in %d lines", faults)
	}
	text := render(outcomes, len(examples), events, seen)
	if write {
		return os.WriteFile(report, []byte(text), 0o644)
	}
	if current, err := os.ReadFile(report); err != nil || string(current) != text {
		return fmt.Errorf("%s is not up to date: run `make conformance`", report)
	}
	return nil
}

// texts returns the values as the notes contain them.
func texts[T fmt.Stringer](values []T) (list []string) {
	for _, v := range values {
		list = append(list, v.String())
	}
	return list
}

// read reads the notes of all test processes.
func read(dir string) (map[observation]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	seen := map[observation]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			database, what, _ := strings.Cut(strings.TrimSpace(line), " ")
			seen[observation{what, database}] = true
		}
	}
	return seen, nil
}

// compare writes a line for each part of the contract that was not seen on a database. It writes a
// line for each observation that is not in the contract, too. It returns the number of lines.
func compare(out io.Writer, promised []string, seen map[observation]bool) (faults int) {
	var lines []string
	for _, what := range promised {
		for _, kind := range kinds {
			if !seen[observation{what, kind}] {
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

// onEveryDatabase returns the values that were seen on every kind of database.
func onEveryDatabase[T fmt.Stringer](values []T, seen map[observation]bool) []T {
	return slices.DeleteFunc(slices.Clone(values), func(v T) bool {
		return slices.ContainsFunc(kinds, func(kind string) bool { return !seen[observation{v.String(), kind}] })
	})
}

// render returns the report in the order of the contract. It has a line for each operation and
// status, and each audit event, that was seen on every kind of database.
func render(outcomes []contract.Outcome, examples int, events []contract.AuditEvent, seen map[observation]bool) string {
	outcomes, events = onEveryDatabase(outcomes, seen), onEveryDatabase(events, seen)
	var b strings.Builder
	fmt.Fprintf(&b, `# Conformance

`+"`make conformance`"+` writes this file from the notes of the tests. It fails if

- no test has seen one of the %d outcomes below, one of the %d audit events below, or one of the %d examples of the contract, on SQLite
  or on PostgreSQL;
- a test has seen an outcome or an audit event that is not listed here.

Every response in every test is checked against the contract: status, headers, media type and body.

A 500 is an unexpected error. A test makes every operation return it with a panic in the middleware, and every operation
that uses the database with a failing query.
`, len(outcomes), len(events), examples)
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
	b.WriteString("\n\n## Audit events\n\n")
	for _, e := range events {
		fmt.Fprintf(&b, "- `%s`\n", string(e))
	}
	return b.String()
}
