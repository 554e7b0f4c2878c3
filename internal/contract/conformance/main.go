// Command conformance says whether the tests have seen every answer that the
// contract promises. It reads what they have noted (see contracttest) and fails
// when an outcome of the contract was seen by no test, or one was seen that is
// not in the contract, or when no answer was like an example in it.
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
	"github.com/techtreks/auth/internal/contract/contracttest"
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
	seen, examples, err := read(notes)
	if err != nil {
		return err
	}
	promised := c.Outcomes()
	faults := compare(promised, seen, out)
	fmt.Fprintf(out, "%d of %d promised outcomes seen, %d faults\n", len(promised)-missing(promised, seen), len(promised), faults)
	shown := c.Examples()
	untrue := 0
	for _, example := range shown {
		if !examples[example.String()] {
			untrue++
			fmt.Fprintln(out, "no answer was like the example:", example)
		}
	}
	fmt.Fprintf(out, "%d of %d examples of answers seen\n", len(shown)-untrue, len(shown))
	faults += untrue
	if faults > 0 {
		return fmt.Errorf("the tests and the contract disagree in %d places", faults)
	}
	text := render(promised, len(shown))
	if write {
		return os.WriteFile(report, []byte(text), 0o644)
	}
	if current, err := os.ReadFile(report); err != nil || string(current) != text {
		return fmt.Errorf("%s is not what is true now: write it with `make conformance`", report)
	}
	return nil
}

// read collects what all test processes have noted.
func read(dir string) (seen map[contract.Outcome]bool, examples map[string]bool, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, nil, err
	}
	seen, examples = map[contract.Outcome]bool{}, map[string]bool{}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			if example, ok := strings.CutPrefix(lines.Text(), contracttest.ExampleMark); ok {
				examples[example] = true
				continue
			}
			outcome, err := contract.ParseOutcome(lines.Text())
			if err != nil {
				return nil, nil, err
			}
			seen[outcome] = true
		}
		if err := lines.Err(); err != nil {
			return nil, nil, err
		}
		if err := file.Close(); err != nil {
			return nil, nil, err
		}
	}
	return seen, examples, nil
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
func render(promised []contract.Outcome, examples int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Conformance

Written by `+"`make conformance`"+`, which fails when a test has not seen one of the %d outcomes below, or has seen one
that is not here, or no answer like one of the %d examples of answers in the contract. Every answer that any test sees is
held against the contract: status, headers, media type, body.
`, len(promised), examples)
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
