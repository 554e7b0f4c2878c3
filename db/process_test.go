package db_test

import (
	"bufio"
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// Some tests need several processes: ten that start together, or one that is
// killed. With these variables set, the test binary runs as such a process.
const (
	childRole = "DB_TEST_CHILD"
	childURL  = "DB_TEST_URL"
	childArg  = "DB_TEST_ARG"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(childRole) {
	case "":
		os.Exit(m.Run())
	case "serve":
		err = childServes(os.Getenv(childURL), os.Getenv(childArg))
	case "open":
		err = childOpens(os.Getenv(childURL))
	case "migrate":
		err = childMigrates(os.Getenv(childURL), os.Getenv(childArg))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(ctx context.Context, role, url, arg string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	// The race detector sleeps for a second at exit, which adds up.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childRole+"="+role, childURL+"="+url, childArg+"="+arg)
	return cmd
}

// childServes waits for a line of input, opens the database, writes a row and
// keeps the database open until its input ends.
func childServes(url, name string) error {
	in := bufio.NewReader(os.Stdin)
	fmt.Println("waiting")
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	ctx := context.Background()
	d, err := db.Open(ctx, url)
	if err != nil {
		return err
	}
	if err := d.Ready(ctx); err != nil {
		return err
	}
	if _, err := d.UserCreate(ctx, newUser(name)); err != nil {
		return err
	}
	fmt.Println("serving")
	if _, err := in.ReadString('\n'); err != io.EOF {
		return fmt.Errorf("input: %w", err)
	}
	return d.Close()
}

// Ten processes start together on an empty database: one migrates, the others
// wait, then all serve. DB_TEST_ROUNDS sets the number of rounds; 20 is thorough.
func TestOpen_TenProcessesAtOnce(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("DB_TEST_ROUNDS"))
	if err != nil {
		rounds = 3
	}
	for round := range rounds {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			everyKind(t, startTogether)
		})
	}
}

func startTogether(t *testing.T, kind db.Kind, url string) {
	const n = 10
	type process struct {
		*exec.Cmd
		in     io.WriteCloser
		out    *bufio.Reader
		errors strings.Builder
	}
	processes := make([]*process, n)
	for i := range processes {
		p := &process{Cmd: child(t.Context(), "serve", url, fmt.Sprint("p", i))}
		p.Stderr = &p.errors
		var err error
		if p.in, err = p.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		out, err := p.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		p.out = bufio.NewReader(out)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		processes[i] = p
	}
	expect := func(line string) {
		for i, p := range processes {
			if got, _ := p.out.ReadString('\n'); got != line+"\n" {
				_ = p.in.Close()
				_ = p.Wait()
				t.Fatalf("process %d printed %q, want %q: %s", i, got, line, p.errors.String())
			}
		}
	}
	expect("waiting")
	for _, p := range processes {
		if _, err := io.WriteString(p.in, "go\n"); err != nil {
			t.Fatal(err)
		}
	}
	expect("serving") // all ten serve at the same time
	for _, p := range processes {
		_ = p.in.Close()
	}
	for i, p := range processes {
		if err := p.Wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, p.errors.String())
		}
	}
	d := openURL(t, url)
	if got := count(t, d, "users"); got != n {
		t.Errorf("%d of %d rows", got, n)
	}
	assertMigrated(t, d, kind, describe(t, dbtest.Open(t, kind)))
}

// childMigrates migrates and kills itself with SIGKILL before statement number
// at.
func childMigrates(url, at string) error {
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return err
	}
	k := &killer{}
	k.left.Store(n)
	return db.MigrateThrough(context.Background(), url, func(c driver.Connector) driver.Connector {
		return killingConnector{c, k}
	})
}

// Kills a migrating process before each of its statements in turn. It must leave
// no partial schema, and the next process must complete the migration.
func TestMigrate_KilledAtEachStatement(t *testing.T) {
	for _, kind := range dbtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			schema := describe(t, dbtest.Open(t, kind))
			kills := 0
			for survived := false; !survived; {
				url := dbtest.URL(t, kind)
				out, err := child(t.Context(), "migrate", url, fmt.Sprint(kills)).CombinedOutput()
				var exit *exec.ExitError
				switch {
				case err == nil:
					survived = true
				case asExit(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
					kills++
				default:
					t.Fatalf("at statement %d: %v: %s", kills, err, out)
				}
				d := openURL(t, url)
				assertMigrated(t, d, kind, schema)
				if t.Failed() {
					t.Fatalf("after the kill at statement %d", kills-1)
				}
				_ = d.Close()
			}
			if kills < 15 {
				t.Errorf("killed at only %d statements: does the driver count them?", kills)
			}
			t.Logf("killed at %d statements", kills)
		})
	}
}
