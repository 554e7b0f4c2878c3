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

// Some promises are about processes: several that start at once, one that is
// killed. The test binary plays them itself when it finds these variables.
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
	// The race detector lingers for a second at exit; ten of them add up.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childRole+"="+role, childURL+"="+url, childArg+"="+arg)
	return cmd
}

// childServes opens the database when told to, writes a row, and keeps it open
// until its input ends.
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

// Ten processes at once on an empty database: one migrates, the others wait,
// all serve. DB_TEST_ROUNDS repeats it; 20 is a thorough run.
func TestProcessesStartingAtOnce(t *testing.T) {
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
				t.Fatalf("process %d said %q instead of %q: %s", i, got, line, p.errors.String())
			}
		}
	}
	expect("waiting")
	for _, p := range processes {
		if _, err := io.WriteString(p.in, "go\n"); err != nil {
			t.Fatal(err)
		}
	}
	expect("serving") // all ten at the same time
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
	whole(t, d, kind, describe(t, dbtest.Open(t, kind)))
}

// childMigrates kills itself, as kill -9 does, when it is about to send its
// at-th statement to the database.
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

// A process killed in the middle of a migration leaves no half schema, and the
// next one completes it. Killed before every single statement in turn.
func TestKilledAtEachStatementOfAMigration(t *testing.T) {
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
				whole(t, d, kind, schema)
				if t.Failed() {
					t.Fatalf("after the kill at statement %d", kills-1)
				}
				_ = d.Close()
			}
			if kills < 15 {
				t.Errorf("killed at %d statements only: are they counted?", kills)
			}
			t.Logf("killed at %d statements", kills)
		})
	}
}
