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

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// Ten servers start at once on an empty database. One creates the schema, and each accepts
// the accounts and sessions of the others. RACE_ROUNDS sets the number of repetitions.
func TestStart_TenAtOnceAllServe(t *testing.T) {
	const n = 10
	for round := range envInt(t, "RACE_ROUNDS", 2) {
		t.Run(fmt.Sprint("round ", round+1), func(t *testing.T) {
			eachKind(t, func(t *testing.T, _ db.Kind, url string) {
				servers := make([]*process, n)
				for i := range servers {
					servers[i] = newProcess(t, serverSettings(url), "serve")
				}
				for _, p := range servers {
					p.start()
				}
				for _, p := range servers {
					p.awaitListening()
					p.awaitReady()
				}
				for i := 0; i < n; i += 2 {
					user := newClient(t, servers[i].url).register(t)
					cookie, err := newClient(t, servers[i+1].url).login(user)
					if err != nil || cookie == "" {
						t.Fatalf("an account of one server cannot log in on another: %v", err)
					}
					for _, p := range servers {
						if got := newClient(t, p.url).call(t, "GET", "/auth/profile", cookie, nil); !got.is(http.StatusOK) {
							t.Errorf("a session of one server is unknown to another: %s", got)
						}
					}
				}
				checkMigratedOnce(t, url)
				for _, p := range servers {
					p.signal(syscall.SIGTERM)
				}
				for _, p := range servers {
					if status := p.exit(waitLimit); status != 0 {
						t.Errorf("exit status %d", status)
					}
				}
			})
		})
	}
}

// checkMigratedOnce reads the table of goose, which has a row for each application of a
// migration.
func checkMigratedOnce(t *testing.T, url string) {
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

// SIGTERM ends a process that waits for the migration of another process. Without the
// signal it would wait longer than [waitLimit].
func TestStart_WaitingForMigrationEndsOnSIGTERM(t *testing.T) {
	url := dbtest.URL(t, db.SQLite)
	path := strings.TrimPrefix(url, "sqlite:")
	if status := runToEnd(t, serverSettings(url), "migrate", "up").cmd.ProcessState.ExitCode(); status != 0 {
		t.Fatalf("migrate up: exit status %d", status)
	}
	unlock := takeMigrationLock(t, path)
	p := newProcess(t, serverSettings(url), "serve")
	p.start()
	eventually(t, "the process waits for the lock", func() bool { return opened(p, path+".migrate-lock") })
	p.signal(syscall.SIGTERM)
	if status := p.exit(waitLimit); status == 0 {
		t.Errorf("exit status %d", status)
	}
	unlock()
	serve(t, serverSettings(url)).stop()
}

// takeMigrationLock locks the database like a process during a long migration.
func takeMigrationLock(t *testing.T, path string) (unlock func()) {
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

// The server starts without settings other than a port, as on a first try.
func TestStart_CreatesItsFiles(t *testing.T) {
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
		t.Error("the log lacks the warning about SECRET_KEY")
	}
	p.stop()
}

// port returns the port that the system chose.
func (p *process) port() string { return p.url[strings.LastIndexByte(p.url, ':')+1:] }

// loopback returns the loopback URL of a server that listens on all addresses.
func (p *process) loopback() string { return "http://127.0.0.1:" + p.port() }

func TestStart_LogsJSON(t *testing.T) {
	p := serve(t, serverSettings(dbtest.URL(t, db.SQLite)))
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
			t.Errorf("a line lacks the time in UTC, the level or the message: %v", line)
		}
	}
	listening := lines[slices.IndexFunc(lines, func(line map[string]any) bool { return line["msg"] == "listening" })]
	if p.url == "http://127.0.0.1:0" || listening["database"] != "sqlite" || listening["url"] != "http://localhost:"+p.port() {
		t.Errorf("wrong line %v", listening)
	}
	if p.stderr.String() != "" {
		t.Errorf("on standard error: %s", p.stderr.String())
	}
}

// If a port or a database is not usable, the program ends by itself with exit status 1 and an
// error that names the cause.
func TestStart_FailsWithClearError(t *testing.T) {
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
		"port in use":             {settings{"ADDR": taken.Addr().String()}, "address already in use"},
		"address of another host": {settings{"ADDR": "192.0.2.1:5001"}, "assign requested address"},
		"directory as database":   {settings{"DATABASE_URL": "sqlite:" + dir}, dir + " is a folder"},
		"file as directory":       {settings{"DATABASE_URL": write("plain", "") + "/techtreks.db"}, "not a directory"},
		"not a database":          {settings{"DATABASE_URL": write("letter.db", strings.Repeat("Dear Sir or Madam, ", 500))}, "file is not a database"},
		"no database server":      {settings{"DATABASE_URL": "postgresql://someone:hunter2@127.0.0.1:1/auth"}, "connection refused"},
		"missing socket":          {settings{"DATABASE_URL": "postgresql://someone:hunter2@/auth?host=" + dir}, "no such file"},
		"database in memory":      {settings{"DATABASE_URL": "sqlite::memory:"}, "write sqlite:PATH"},
		"malformed host":          {settings{"DATABASE_URL": "postgresql://someone:hunter2@[::1/auth"}, "the PostgreSQL URL is malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			p := runToEnd(t, serverSettings(dbtest.URL(t, db.SQLite)).with(tc.env), "serve")
			reported := p.stdout.String() + p.stderr.String()
			if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(reported, tc.want) {
				t.Errorf("exit status %d, want %q in\n%s", status, tc.want, reported)
			}
			if strings.Contains(reported, "hunter2") || strings.Contains(reported, secretKey) {
				t.Errorf("a secret is printed:\n%s", reported)
			}
			p.log() // fails if a line is not JSON
		})
	}
}
