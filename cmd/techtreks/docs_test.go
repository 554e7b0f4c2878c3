package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// A consoleStep is a command of a page, with what the page says it prints.
type consoleStep struct {
	line    int
	command string
	prints  string
	later   time.Duration // passes before it
}

// A consolePage is what a page of the documentation has its reader do.
type consolePage struct {
	server settings // that the page has its reader start the server with
	setUp  string   // the first block of shell, which defines what the commands use
	steps  []consoleStep
}

var starts = regexp.MustCompile(`^([A-Z_]+)=(\S+) make run$`)

var passes = regexp.MustCompile(`^<!-- (\d+[hm]) later -->$`)

// readPage finds the console blocks of a page. Commands other than calls of the
// API and of the program are not its business.
func readPage(t *testing.T, name string) (page consolePage) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var block string
	var later time.Duration
	for i, line := range strings.Split(string(text), "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		last := len(page.steps) - 1
		switch {
		case strings.HasPrefix(line, "```"):
			block = strings.TrimPrefix(line, "```")
		case passes.MatchString(line):
			if later, err = time.ParseDuration(passes.FindStringSubmatch(line)[1]); err != nil {
				t.Fatal(err)
			}
		case block == "sh" && starts.MatchString(line):
			set := starts.FindStringSubmatch(line)
			page.server = settings{set[1]: set[2]}
		case block == "sh" && (strings.HasPrefix(line, "base=") || strings.HasPrefix(line, "call()")):
			page.setUp += line + "\n"
		case block == "sh" && strings.HasPrefix(line, "curl "):
			t.Errorf("%s:%d: a call of the API that nobody runs; it belongs into a block of console", name, i+1)
		case block == "console" && isCommand:
			page.steps = append(page.steps, consoleStep{line: i + 1, command: command, later: later})
			later = 0
		case block == "console" && last >= 0 && strings.HasSuffix(page.steps[last].command, `\`):
			page.steps[last].command += "\n" + line
		case block == "console" && last >= 0:
			page.steps[last].prints += line + "\n"
		}
	}
	return page
}

// What differs each time, in the page and in what is printed.
var consoleMasks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`("request_id": ?)"[A-Z2-7]{26}"`), `$1"(id)"`},
	{regexp.MustCompile(`("session_hash": ?)"[A-Za-z0-9_-]{12}"`), `$1"(hash)"`},
	{regexp.MustCompile(`[A-Za-z0-9_-]{43}(\.[A-Za-z0-9_-]{43})?`), "(token)"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?`), "(time)"},
	{regexp.MustCompile(`(curl/)[0-9.]+`), "$1(version)"},
	{regexp.MustCompile(`(Max-Age=)[1-9]\d*`), "$1(seconds)"},
	{regexp.MustCompile(`(?i)(X-Request-Id: )[A-Z2-7]{26}`), "$1(id)"},
	{regexp.MustCompile(`localhost:\d+|127\.0\.0\.1:\d+`), "(server)"},
	{regexp.MustCompile(`\r`), ""},
}

func maskConsole(text string) string {
	for _, m := range consoleMasks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return strings.TrimSpace(text)
}

// Everything that a page tells its reader to type works, and prints what the
// page says. Each page starts with a fresh server in development.
func TestPagesPrintWhatTheySay(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("the pages use %s: %v", tool, err)
		}
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, name := range append(pages, "../../README.md") {
		page := readPage(t, name)
		if len(page.steps) == 0 {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) { ran += page.run(t) })
	}
	if ran < 30 {
		t.Errorf("only %d commands were run", ran)
	}
}

var writtenToken = regexp.MustCompile(`("token":"|/verify/)[A-Za-z0-9_-]{43}`)

var mailedLink = regexp.MustCompile(`#token=([A-Za-z0-9_-]{43})`)

// run types a page's commands, and reports how many.
func (page consolePage) run(t *testing.T) (ran int) {
	url := dbtest.URL(t, db.SQLite)
	p := serve(t, serving(url).with(settings{"TRUSTED_PROXIES": "", "RATE_LIMITS": "off"}).with(page.server))
	defer p.stop()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	dir := t.TempDir()
	path := shellWith(t, dir, url)
	tokens := map[string]string{} // of the page, and what was mailed or printed instead
	for _, step := range page.steps {
		if !regexp.MustCompile(`^(curl|call|techtreks) `).MatchString(step.command) {
			continue
		}
		if step.later > 0 {
			// The clock of a running program cannot be set, but what it remembers can.
			ago := time.Now().Add(-step.later)
			if _, err := d.ExecContext(t.Context(), "UPDATE sessions SET authenticated_at = $1", ago); err != nil {
				t.Fatal(err)
			}
		}
		command := writtenToken.ReplaceAllStringFunc(step.command, func(match string) string {
			before, written := match[:len(match)-43], match[len(match)-43:]
			if tokens[written] == "" {
				tokens[written] = p.mailedToken(t, tokens)
			}
			return before + tokens[written]
		})
		script := strings.ReplaceAll(page.setUp+command, "localhost:5001", strings.TrimPrefix(p.url, "http://"))
		shell := exec.CommandContext(t.Context(), "bash", "-c", script)
		shell.Dir, shell.Env = dir, append(os.Environ(), "PATH="+path)
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Errorf("line %d: %s: %v", step.line, step.command, err)
		}
		ran++
		if written, printed := printedLink.FindStringSubmatch(step.prints), printedLink.FindStringSubmatch(string(out)); written != nil && printed != nil {
			tokens[written[2]] = printed[2]
		}
		if got, want := maskConsole(string(out)), maskConsole(step.prints); got != want {
			t.Errorf("line %d: %s\nprints\n%s\nand the page says\n%s", step.line, step.command, got, want)
		}
	}
	return ran
}

// shellWith puts the program into a folder of its own and returns the PATH that
// finds it there. It works on the database at url, and says what it logs to nobody.
func shellWith(t *testing.T, dir, url string) (path string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n" + playsProgram + "=1 DATABASE_URL='" + url + "' exec '" + program + "' \"$@\" 2>/dev/null\n"
	if err := os.WriteFile(filepath.Join(bin, "techtreks"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return bin + string(os.PathListSeparator) + os.Getenv("PATH")
}

// mailedToken is the newest mailed token that has not been used for another.
func (p *process) mailedToken(t *testing.T, taken map[string]string) (token string) {
	t.Helper()
	used := map[string]bool{}
	for _, value := range taken {
		used[value] = true
	}
	eventually(t, "a link is mailed", func() bool {
		token = ""
		for _, line := range p.log() {
			link, _ := line["link"].(string)
			if found := mailedLink.FindStringSubmatch(link); found != nil && !used[found[1]] {
				token = found[1]
			}
		}
		return token != ""
	})
	return token
}
