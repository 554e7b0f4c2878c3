// Command conformance says whether the tests have seen every answer that the
// contract promises. It reads what they have noted (see contracttest) and fails
// when an outcome of the contract was seen by no test, or one was seen that is
// not in the contract.
//
//	conformance [-report docs/conformance.md] [-write] NOTES
//
// Without -write the report must already say what is true.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
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
	promised := c.Outcomes()
	faults := compare(promised, seen, out)
	fmt.Fprintf(out, "%d of %d promised outcomes seen, %d faults\n", len(promised)-missing(promised, seen), len(promised), faults)
	if faults > 0 {
		return fmt.Errorf("the tests and the contract disagree in %d outcomes", faults)
	}
	text := render(promised)
	if write {
		return os.WriteFile(report, []byte(text), 0o644)
	}
	if current, err := os.ReadFile(report); err != nil || string(current) != text {
		return fmt.Errorf("%s is not what is true now: write it with `make conformance`", report)
	}
	return nil
}

// read collects what all test processes have noted.
func read(dir string) (map[contract.Outcome]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	seen := map[contract.Outcome]bool{}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			outcome, err := contract.ParseOutcome(lines.Text())
			if err != nil {
				return nil, err
			}
			seen[outcome] = true
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// compare lists what is promised and unseen, and what is seen and not promised.
func compare(promised []contract.Outcome, seen map[contract.Outcome]bool, out io.Writer) (faults int) {
	for _, outcome := range promised {
		if !seen[outcome] {
			faults++
			fmt.Fprintln(out, "no test has seen:   ", outcome)
		}
	}
	for outcome := range seen {
		if !slices.Contains(promised, outcome) {
			faults++
			fmt.Fprintln(out, "not in the contract:", outcome)
		}
	}
	return faults
}

func missing(promised []contract.Outcome, seen map[contract.Outcome]bool) (n int) {
	for _, outcome := range promised {
		if !seen[outcome] {
			n++
		}
	}
	return n
}

// render writes the report: a line for each operation and status. That it is
// written at all says that every outcome in it was seen.
func render(promised []contract.Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Conformance

Written by `+"`make conformance`"+`, which fails when a test has not seen one of the %d outcomes below, or has seen one
that is not here. Every answer that any test sees is held against the contract: status, headers, media type, body.
`, len(promised))
	operation, status := "", 0
	for _, o := range promised {
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
