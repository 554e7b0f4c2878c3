package main

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// consoleMasks replaces values that differ in each run.
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

// Every command on a page works and prints the output that the page shows. Each page starts
// with a new development server, with the default rate limits.
func TestPages_CommandsPrintTheShownOutput(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("the pages need %s: %v", tool, err)
		}
	}
	ran, unseen := 0, maps.Clone(notRun)
	for _, name := range pages(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		page, faults := readPage(string(text))
		for _, fault := range faults {
			t.Errorf("%s: %s", name, fault)
		}
		page.steps = slices.DeleteFunc(page.steps, func(s consoleStep) bool {
			_, skipped := notRun[s.command]
			delete(unseen, s.command)
			return skipped
		})
		if len(page.steps)+len(page.sql) == 0 {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			page.run(t)
			page.runSQL(t)
			ran += len(page.steps) + len(page.sql)
		})
	}
	if ran < 60 {
		t.Errorf("only %d commands ran", ran)
	}
	for command, reason := range unseen {
		t.Errorf("no page has %q, listed in notRun because it %s", command, reason)
	}
}

var writtenToken = regexp.MustCompile(`("token":"|/verify/)[A-Za-z0-9_-]{43}`)

var mailedLink = regexp.MustCompile(`#token=([A-Za-z0-9_-]{43})`)

// run runs the commands of a page.
func (page consolePage) run(t *testing.T) {
	if len(page.steps) == 0 {
		return
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "instance"), 0o700); err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + filepath.Join(dir, "instance", "techtreks.db")
	env := serverSettings(url).with(settings{"TRUSTED_PROXIES": ""}).with(page.server)
	delete(env, "RATE_LIMITS")
	p := serve(t, env)
	defer p.stop()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	path := programPath(t, dir, url)
	tokens := map[string]string{} // tokens of the page, and the real tokens in their place
	for _, step := range page.steps {
		if step.later > 0 {
			// The clock of a running program cannot be set, but the stored times can.
			ago := time.Now().Add(-step.later)
			if _, err := d.ExecContext(t.Context(), "UPDATE sessions SET authenticated_at = $1", ago); err != nil {
				t.Fatal(err)
			}
		}
		if command, isServer := strings.CutSuffix(step.command, "techtreks serve"); isServer {
			startServer(t, dir, path, command)
			continue
		}
		command := writtenToken.ReplaceAllStringFunc(step.command, func(match string) string {
			before, written := match[:len(match)-43], match[len(match)-43:]
			if tokens[written] == "" {
				tokens[written] = p.mailedToken(t, tokens)
			}
			return before + tokens[written]
		})
		script := strings.ReplaceAll(page.setUp+command, "localhost:5001", strings.TrimPrefix(p.url, "http://"))
		shell := exec.CommandContext(t.Context(), "bash", "-e", "-c", script)
		shell.Dir, shell.Env = dir, append(os.Environ(), "PATH="+path)
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Errorf("line %d: %s: %v\n%s", step.line, step.command, err, out)
		}
		if written, printed := printedLink.FindStringSubmatch(step.prints), printedLink.FindStringSubmatch(string(out)); written != nil && printed != nil {
			tokens[written[2]] = printed[2]
		}
		if got, want := maskConsole(string(out)), maskConsole(step.prints); got != want && !step.silent {
			t.Errorf("line %d: %s\nprints\n%s\nbut the page shows\n%s", step.line, step.command, got, want)
		}
	}
}

// startServer starts a server with the settings of a page. The test replaces the port, the
// database and the path of the secret.
func startServer(t *testing.T, dir, path, command string) {
	t.Helper()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(secretKey), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, settings{"ADDR": "127.0.0.1:0", "SHUTDOWN_DELAY": "0s"}, "-c",
		strings.ReplaceAll(command, "/run/secrets/techtreks", secret)+"exec techtreks serve")
	p.cmd.Path, p.cmd.Args[0] = "/bin/sh", "sh"
	p.cmd.Env = append(p.cmd.Env, "PATH="+path)
	p.listening().stop()
}

// runSQL runs the SQL statements of a page, GRANT statements only on PostgreSQL.
func (page consolePage) runSQL(t *testing.T) {
	for _, step := range page.sql {
		for _, kind := range dbtest.Kinds {
			if grants := strings.HasPrefix(step.command, "GRANT"); grants && kind != db.Postgres {
				continue
			}
			t.Run(fmt.Sprintf("%s line %d", kind, step.line), func(t *testing.T) {
				// A role belongs to the whole cluster. The rollback removes it.
				tx, err := dbtest.Open(t, kind).BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = tx.Rollback() }()
				if strings.Contains(step.command, "techtreks_app") {
					if _, err := tx.ExecContext(t.Context(), "CREATE ROLE techtreks_app"); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := tx.ExecContext(t.Context(), step.command); err != nil {
					t.Errorf("line %d: %v", step.line, err)
				}
			})
		}
	}
}

// programPath returns a PATH on which techtreks is the program, with the database at url
// and without its log. If the machine has no sqlite3, the PATH has a replacement that runs
// the statements of the pages.
func programPath(t *testing.T, dir, url string) (path string) {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, script string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("techtreks", "DATABASE_URL='"+url+"' exec '"+shippedProgram(t)+"' \"$@\" 2>/dev/null\n")
	if _, err := exec.LookPath("sqlite3"); err != nil {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		write("sqlite3", runAsSQLite+"=1 exec '"+program+"' \"$@\"\n")
	}
	return bin + string(os.PathListSeparator) + os.Getenv("PATH")
}

// runAsSQLite makes the test binary run as the SQLite shell, with a file and a statement.
const runAsSQLite = "TECHTREKS_TEST_RUN_AS_SQLITE"

func runSQLite(file, statement string) (status int) {
	d, err := sql.Open("sqlite", file)
	if err == nil {
		_, err = d.Exec(statement) //nolint:noctx // ends with the process
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// mailedToken returns the newest mailed token that is not yet in taken.
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
