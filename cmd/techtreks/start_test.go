package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// TestStartAtOnceEndsWithAllServing starts ten servers at once on an empty
// database: one makes the schema, and each can take over from any other.
// RACE_ROUNDS repeats it.
func TestStartAtOnceEndsWithAllServing(t *testing.T) {
	const n = 10
	for round := range numberFrom(t, "RACE_ROUNDS", 2) {
		t.Run(fmt.Sprint("round ", round+1), func(t *testing.T) {
			eachKind(t, func(t *testing.T, _ db.Kind, url string) {
				servers := make([]*process, n)
				for i := range servers {
					servers[i] = newProcess(t, serving(url), "serve")
				}
				for _, p := range servers {
					p.start()
				}
				for _, p := range servers {
					p.awaitListening()
					p.awaitReady()
				}
				for i := 0; i < n; i += 2 {
					someone := newClient(t, servers[i].url).register(t)
					cookie, err := newClient(t, servers[i+1].url).login(someone)
					if err != nil || cookie == "" {
						t.Fatalf("registered on one server, refused by another: %v", err)
					}
					for _, p := range servers {
						if got := newClient(t, p.url).call(t, "GET", "/auth/profile", cookie, nil); !got.is(http.StatusOK) {
							t.Errorf("logged in on one server, unknown to another: %s", got)
						}
					}
				}
				onceMigrated(t, url)
				for _, p := range servers {
					p.signal(syscall.SIGTERM)
				}
				for _, p := range servers {
					if status := p.exit(patience); status != 0 {
						t.Errorf("exit status %d", status)
					}
				}
			})
		})
	}
}

// onceMigrated reads goose's own notes: a row for every time that a migration
// was applied.
func onceMigrated(t *testing.T, url string) {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	var applied, distinct int
	err = d.QueryRowContext(ctx, "SELECT count(*), count(DISTINCT version_id) FROM goose_db_version WHERE version_id > 0").Scan(&applied, &distinct)
	if err != nil || applied == 0 || applied != distinct {
		t.Errorf("%d migrations were applied %d times, %v", distinct, applied, err)
	}
}

// A process that waits for another one's migration gives up when it is told to.
func TestStartThatWaitsEndsOnSIGTERM(t *testing.T) {
	url := dbtest.URL(t, db.SQLite)
	path := strings.TrimPrefix(url, "sqlite:")
	if status := runToEnd(t, serving(url), "migrate", "up").cmd.ProcessState.ExitCode(); status != 0 {
		t.Fatalf("migrate up: exit status %d", status)
	}
	unlock := holdMigrationLock(t, path)
	p := newProcess(t, serving(url), "serve")
	p.start()
	eventually(t, "it waits for the lock", func() bool { return opened(p, path+".migrate-lock") })
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	if status := p.exit(patience); status == 0 || time.Since(begin) > 5*time.Second {
		t.Errorf("exit status %d after %s", status, time.Since(begin))
	}
	unlock()
	serve(t, serving(url)).stop()
}

// holdMigrationLock does as a process in the middle of a long migration.
func holdMigrationLock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	d, err := sql.Open("sqlite", "file:"+path+".migrate-lock")
	if err != nil {
		t.Fatal(err)
	}
	d.SetMaxOpenConns(1)
	if _, err := d.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// opened reports whether the process has a file open.
func opened(p *process, path string) bool {
	fds, err := filepath.Glob(p.proc("fd/*"))
	if err != nil || runtime.GOOS != "linux" {
		p.t.Skip("needs /proc")
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == path {
			return true
		}
	}
	return false
}

// TestStartMakesItsFiles starts with no setting but a port, as a newcomer does.
func TestStartMakesItsFiles(t *testing.T) {
	p := serve(t, settings{"PORT": "0"})
	if got := newClient(t, p.loopback()).call(t, "GET", "/", "", nil); string(got.body) != "Backend is running on port "+p.port()+"!" {
		t.Errorf("the banner reads %q", got.body)
	}
	newClient(t, p.loopback()).register(t)
	folder := filepath.Join(p.cmd.Dir, "instance")
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("instance/: %v, %v", info, err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) < 2 {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", file.Name(), info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "techtreks.db")); err != nil {
		t.Error(err)
	}
	if p.logged("SECRET_KEY is not set: sessions and mailed links will not survive a restart") != 1 {
		t.Error("nobody is told that sessions will not survive")
	}
	p.stop()
}

// port is the one that the system has chosen.
func (p *process) port() string { return p.url[strings.LastIndexByte(p.url, ':')+1:] }

// loopback is the address of a server that listens on all of them.
func (p *process) loopback() string { return "http://127.0.0.1:" + p.port() }

func TestStartLogsWhatMachinesRead(t *testing.T) {
	p := serve(t, serving(dbtest.URL(t, db.SQLite)))
	newClient(t, p.url).register(t)
	p.stop()
	lines := p.log()
	if len(lines) < 4 {
		t.Fatalf("%d lines", len(lines))
	}
	utc := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	for _, line := range lines {
		when, _ := line["time"].(string)
		if !utc.MatchString(when) || line["level"] == nil || line["msg"] == nil {
			t.Errorf("line without time in UTC, level and message: %v", line)
		}
	}
	listening := lines[slices.IndexFunc(lines, func(line map[string]any) bool { return line["msg"] == "listening" })]
	if p.url == "http://127.0.0.1:0" || listening["database"] != "sqlite" || listening["url"] != "http://localhost:"+p.port() {
		t.Errorf("the line for scripts is %v", listening)
	}
	if p.stderr.String() != "" {
		t.Errorf("on standard error: %s", p.stderr.String())
	}
}

// What is wrong with the machine, and not with the settings: exit status 1 and
// a sentence that says what to do about it.
func TestStartFailsClearly(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + path
	}
	for name, tc := range map[string]struct {
		env  settings
		want string
	}{
		"PortInUse":     {settings{"ADDR": taken.Addr().String()}, "address already in use"},
		"ForeignHost":   {settings{"ADDR": "192.0.2.1:5001"}, "assign requested address"},
		"FolderAsFile":  {settings{"DATABASE_URL": "sqlite:" + dir}, dir + " is a folder"},
		"FileAsFolder":  {settings{"DATABASE_URL": write("plain", "") + "/techtreks.db"}, "not a directory"},
		"NotADatabase":  {settings{"DATABASE_URL": write("letter.db", strings.Repeat("Dear Sir or Madam, ", 500))}, "file is not a database"},
		"NoServer":      {settings{"DATABASE_URL": "postgresql://someone:hunter2@127.0.0.1:1/auth"}, "connection refused"},
		"NoSuchSocket":  {settings{"DATABASE_URL": "postgresql://someone:hunter2@/auth?host=" + dir}, "no such file"},
		"InMemory":      {settings{"DATABASE_URL": "sqlite::memory:"}, "write sqlite:PATH"},
		"MalformedHost": {settings{"DATABASE_URL": "postgresql://someone:hunter2@[::1/auth"}, "the PostgreSQL URL is malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			p := runToEnd(t, serving(dbtest.URL(t, db.SQLite)).with(tc.env), "serve")
			said := p.stdout.String() + p.stderr.String()
			if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(said, tc.want) {
				t.Errorf("exit status %d, want %q in\n%s", status, tc.want, said)
			}
			if strings.Contains(said, "hunter2") || strings.Contains(said, secretKey) {
				t.Errorf("a secret is printed:\n%s", said)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			p.log() // is JSON
		})
	}
}
