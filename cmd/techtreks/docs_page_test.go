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

// notRun are the commands of the documentation that no test types, each with the
// reason.
var notRun = map[string]string{
	"make run":            "compiles and starts what the page's other commands are typed at, and goes on until Ctrl-C",
	"make test":           "is what runs this",
	"make client-package": "needs what npm downloads; scripts/test-client-package.sh packs the package the same way, installs it and uses it",
	"git checkout COMMIT_BEFORE_THE_RELEASE -- api/released/openapi.yaml docs/contract-changelog.md\nmake release-contract": "" +
		"takes a release back; scripts/contract-prove.sh makes releases, refused ones and repeated ones, in a copy",
	"scripts/common-passwords.sh": "downloads the lists that the program's own is made of, from half a dozen places",
}

// A consoleStep is something that a page has its reader type.
type consoleStep struct {
	line    int
	command string // or a script of several lines
	prints  string
	silent  bool          // the page does not say what it prints
	later   time.Duration // passes before it
}

// A consolePage is what a page of the documentation has its reader do.
type consolePage struct {
	server settings // that the page has its reader start the server with
	setUp  string   // the first block of shell, which defines what the commands use
	steps  []consoleStep
	sql    []consoleStep
}

// A block of a page is what stands between two fences.
type block struct {
	line     int // of its first
	language string
	lines    []string
	later    time.Duration
}

var (
	fence  = regexp.MustCompile("^(\\s*)(```+|~~~+)\\s*(\\S*)")
	passes = regexp.MustCompile(`^<!-- (\d+)m later -->$`)
	// callsInText tells a call from the word.
	callsInText = regexp.MustCompile(`\bcurl\s+(-|https?:|localhost|["'$])`)
)

func readBlocks(text string) (blocks []block, faults []string) {
	var begun []string // the fence of the block that is being read
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
		case passes.MatchString(line):
			minutes, _ := strconv.Atoi(passes.FindStringSubmatch(line)[1])
			later = time.Duration(minutes) * time.Minute
		case callsInText.MatchString(line):
			faults = append(faults, fmt.Sprintf("line %d: a call of the API in the text, which nobody runs", i+1))
		}
	}
	if begun != nil {
		faults = append(faults, "the last block does not end")
	}
	return blocks, faults
}

// shown are the languages of blocks with nothing to type.
var shown = []string{"text", "json", "yaml", "nginx", "go", "js", "ts", "tsx"}

var (
	starts  = regexp.MustCompile(`^([A-Z_]+)=(\S+) make run$`)
	defines = regexp.MustCompile(`^(base=|call\(\))`)
	calls   = regexp.MustCompile(`\bcurl\b`)
	setting = regexp.MustCompile(`^[A-Z_]+=('[^']*'|"[^"]*"|[^\s'"]*)$`)
)

// readPage finds what a page has its reader type. A call of the API can stand
// nowhere else, or nobody would know whether it works.
func readPage(text string) (page consolePage, faults []string) {
	blocks, faults := readBlocks(text)
	for _, b := range blocks {
		step := consoleStep{line: b.line, command: strings.Join(b.lines, "\n"), silent: true, later: b.later}
		switch {
		case b.language == "console":
			if !strings.HasPrefix(step.command, "$ ") {
				faults = append(faults, fmt.Sprintf("line %d: printed before anything is typed", b.line))
			}
			page.steps = append(page.steps, b.typed()...)
		case b.language == "sql":
			page.sql = append(page.sql, step)
		case b.language == "sh" && starts.MatchString(step.command):
			set := starts.FindStringSubmatch(step.command)
			page.server = settings{set[1]: set[2]}
		case b.language == "sh" && defines.MatchString(step.command):
			page.setUp = step.command + "\n"
		case b.language == "sh" && !slices.ContainsFunc(b.lines, func(line string) bool { return !setting.MatchString(line) }):
			// Settings alone are for a server.
			step.command = strings.Join(b.lines, " ") + " techtreks serve"
			page.steps = append(page.steps, step)
		case b.language == "sh":
			page.steps = append(page.steps, step)
		case !slices.Contains(shown, b.language):
			faults = append(faults, fmt.Sprintf("line %d: a block of %q: what is typed is console, sh or sql, what is not is one of %q", b.line, b.language, shown))
		case calls.MatchString(step.command):
			faults = append(faults, fmt.Sprintf("line %d: a call of the API that nobody runs; it belongs into a block of console", b.line))
		}
	}
	return page, faults
}

// typed takes a block apart into commands and what they print.
func (b block) typed() (steps []consoleStep) {
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

// pages are all of the repository.
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

// A page cannot have a call that is not run, wherever it puts it.
func TestCallsThatNobodyRunsAreNoticed(t *testing.T) {
	for name, tc := range map[string]struct {
		page  string
		typed int // steps
		fails bool
	}{
		"Bash":          {page: "```bash\ncurl localhost\n```", fails: true},
		"Unlabelled":    {page: "```\ncurl localhost\n```", fails: true},
		"Tildes":        {page: "~~~\ncurl localhost\n~~~", fails: true},
		"Indented":      {page: "- so:\n  ```\n  $ curl localhost\n  ```", fails: true},
		"Text":          {page: "```text\n$ X=$(curl localhost)\n```", fails: true},
		"InASetting":    {page: "```yaml\nrun: curl localhost\n```", fails: true},
		"BeforeTyping":  {page: "```console\ncurl localhost\n```", fails: true},
		"ByIndentation": {page: "So:\n\n    curl localhost:5001/healthz", fails: true},
		"Quoted":        {page: "> ```sh\n> curl -s localhost\n> ```", fails: true},
		"InASentence":   {page: "Type `curl -s localhost`.", fails: true},
		"TheWord":       {page: "All of it by curl: see there."},
		"NoEnd":         {page: "```console\n$ curl localhost", fails: true, typed: 1},
		"Shell":         {page: "```sh\n$ curl localhost\n```", typed: 1},
		"ShellScript":   {page: "```sh\nfor i in 1 2; do\n  curl localhost\ndone\n```", typed: 1},
		"Console":       {page: "```console\n$ X=$(curl localhost)\n$ sudo curl localhost\n```", typed: 2},
		"IndentedToo":   {page: "- so:\n  ```console\n  $ curl localhost\n  ```", typed: 1},
	} {
		page, faults := readPage(tc.page)
		if tc.fails != (len(faults) > 0) || len(page.steps) != tc.typed {
			t.Errorf("%s: %q, and %d steps: %v", name, faults, len(page.steps), page.steps)
		}
	}
}
