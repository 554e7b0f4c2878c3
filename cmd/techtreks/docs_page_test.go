package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// notRun lists the commands of the documentation that no test runs, with the reason.
var notRun = map[string]string{
	"make run":            "starts the server that the other commands of the page use, and runs until Ctrl-C",
	"make test":           "runs this test",
	"make client-package": "needs downloads of npm; scripts/test-client-package.sh packs, installs and uses the package",
	"git checkout COMMIT_BEFORE_THE_RELEASE -- api/released/openapi.yaml docs/contract-changelog.md\nmake release-contract": "" +
		"reverts a release; scripts/contract-prove.sh makes, rejects and repeats releases in a copy",
	"scripts/common-passwords.sh": "downloads the list of common passwords",
}

// A consoleStep is a command or statement of a page.
type consoleStep struct {
	line    int
	command string // one command, or a script of several lines
	prints  string
	silent  bool          // the page does not show the output
	later   time.Duration // time that passes before the command
}

// A consolePage is a page of the documentation with commands.
type consolePage struct {
	server settings // of the server that the page starts
	setUp  string   // the first shell block, which defines variables and functions
	steps  []consoleStep
	sql    []consoleStep
}

// A block is a fenced code block of a page.
type block struct {
	line     int // number of the first line
	language string
	lines    []string
	later    time.Duration
}

var (
	fence        = regexp.MustCompile("^(\\s*)(```+|~~~+)\\s*(\\S*)")
	laterComment = regexp.MustCompile(`^<!-- (\d+)m later -->$`)
	// callsInText matches a call with curl, but not the word alone.
	callsInText = regexp.MustCompile(`\bcurl\s+(-|https?:|localhost|["'$])`)
)

func readBlocks(text string) (blocks []block, faults []string) {
	var begun []string // the opening fence of the current block
	var later time.Duration
	for i, line := range strings.Split(text, "\n") {
		found := fence.FindStringSubmatch(line)
		last := len(blocks) - 1
		switch {
		case begun == nil && found != nil:
			begun = found
			blocks = append(blocks, block{line: i + 2, language: found[3], later: later})
			later = 0
		case begun != nil && found != nil && found[3] == "" && strings.HasPrefix(found[2], begun[2]):
			begun = nil
		case begun != nil:
			blocks[last].lines = append(blocks[last].lines, strings.TrimPrefix(line, begun[1]))
		case laterComment.MatchString(line):
			minutes, _ := strconv.Atoi(laterComment.FindStringSubmatch(line)[1])
			later = time.Duration(minutes) * time.Minute
		case callsInText.MatchString(line):
			faults = append(faults, fmt.Sprintf("line %d: a call of the API in the text is not run", i+1))
		}
	}
	if begun != nil {
		faults = append(faults, "the last block does not end")
	}
	return blocks, faults
}

// shownOnly lists the languages of blocks without commands.
var shownOnly = []string{"text", "json", "yaml", "nginx", "go", "js", "ts", "tsx"}

var (
	starts  = regexp.MustCompile(`^([A-Z_]+)=(\S+) make run$`)
	defines = regexp.MustCompile(`^(base=|call\(\))`)
	calls   = regexp.MustCompile(`\bcurl\b`)
	setting = regexp.MustCompile(`^[A-Z_]+=('[^']*'|"[^"]*"|[^\s'"]*)$`)
)

// readPage returns the commands of a page. A call of the API anywhere else is a fault,
// because no test would run it.
func readPage(text string) (page consolePage, faults []string) {
	blocks, faults := readBlocks(text)
	for _, b := range blocks {
		step := consoleStep{line: b.line, command: strings.Join(b.lines, "\n"), silent: true, later: b.later}
		switch {
		case b.language == "console":
			if !strings.HasPrefix(step.command, "$ ") {
				faults = append(faults, fmt.Sprintf("line %d: output before the first command", b.line))
			}
			page.steps = append(page.steps, b.commands()...)
		case b.language == "sql":
			page.sql = append(page.sql, step)
		case b.language == "sh" && starts.MatchString(step.command):
			set := starts.FindStringSubmatch(step.command)
			page.server = settings{set[1]: set[2]}
		case b.language == "sh" && defines.MatchString(step.command):
			page.setUp = step.command + "\n"
		case b.language == "sh" && !slices.ContainsFunc(b.lines, func(line string) bool { return !setting.MatchString(line) }):
			// A block of settings only is for a server.
			step.command = strings.Join(b.lines, " ") + " techtreks serve"
			page.steps = append(page.steps, step)
		case b.language == "sh":
			page.steps = append(page.steps, step)
		case !slices.Contains(shownOnly, b.language):
			faults = append(faults, fmt.Sprintf("line %d: a block of %q: commands are in console, sh or sql, everything else in one of %q", b.line, b.language, shownOnly))
		case calls.MatchString(step.command):
			faults = append(faults, fmt.Sprintf("line %d: a call of the API outside a console block is not run", b.line))
		}
	}
	return page, faults
}

// commands splits a console block into commands with their output.
func (b block) commands() (steps []consoleStep) {
	for i, line := range b.lines {
		command, isCommand := strings.CutPrefix(line, "$ ")
		last := len(steps) - 1
		switch {
		case isCommand:
			steps = append(steps, consoleStep{line: b.line + i, command: command})
		case last < 0:
		case strings.HasSuffix(steps[last].command, `\`):
			steps[last].command += "\n" + line
		default:
			steps[last].prints += line + "\n"
		}
	}
	if len(steps) > 0 {
		steps[0].later = b.later
	}
	return steps
}

// pages returns the paths of all Markdown files of the repository.
func pages(t *testing.T) (names []string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".md"):
			names = append(names, path)
		}
		return nil
	})
	if err != nil || len(names) < 20 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	return names
}

// A call of the API that is not run is a fault, in any kind of block or in text.
func TestReadPage_ReportsCallsThatAreNotRun(t *testing.T) {
	for name, tc := range map[string]struct {
		page  string
		steps int
		fails bool
	}{
		"bash block":                      {page: "```bash\ncurl localhost\n```", fails: true},
		"block without language":          {page: "```\ncurl localhost\n```", fails: true},
		"block with tildes":               {page: "~~~\ncurl localhost\n~~~", fails: true},
		"indented block":                  {page: "- so:\n  ```\n  $ curl localhost\n  ```", fails: true},
		"text block":                      {page: "```text\n$ X=$(curl localhost)\n```", fails: true},
		"yaml block":                      {page: "```yaml\nrun: curl localhost\n```", fails: true},
		"output before the first command": {page: "```console\ncurl localhost\n```", fails: true},
		"block by indentation":            {page: "So:\n\n    curl localhost:5001/healthz", fails: true},
		"quoted block":                    {page: "> ```sh\n> curl -s localhost\n> ```", fails: true},
		"call in a sentence":              {page: "Type `curl -s localhost`.", fails: true},
		"the word alone":                  {page: "All of it by curl: see there."},
		"unclosed block":                  {page: "```console\n$ curl localhost", fails: true, steps: 1},
		"sh block":                        {page: "```sh\n$ curl localhost\n```", steps: 1},
		"sh script":                       {page: "```sh\nfor i in 1 2; do\n  curl localhost\ndone\n```", steps: 1},
		"console block":                   {page: "```console\n$ X=$(curl localhost)\n$ sudo curl localhost\n```", steps: 2},
		"indented console block":          {page: "- so:\n  ```console\n  $ curl localhost\n  ```", steps: 1},
	} {
		page, faults := readPage(tc.page)
		if tc.fails != (len(faults) > 0) || len(page.steps) != tc.steps {
			t.Errorf("%s: faults %q, %d steps: %v", name, faults, len(page.steps), page.steps)
		}
	}
}
