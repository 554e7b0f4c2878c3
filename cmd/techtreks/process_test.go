package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/password"
)

// These tests start the program as an operator does: as a process of its own,
// with an environment, signals and an exit status. The test binary plays it, so
// that nothing is built twice and the race detector watches the server too.
const playsProgram = "TECHTREKS_TEST_PLAYS_PROGRAM"

// hashesCheaply makes its hashes of passwords cost next to nothing.
const hashesCheaply = "TECHTREKS_TEST_HASHES_CHEAPLY"

var cheapHash = &password.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func TestMain(m *testing.M) {
	if os.Getenv(hashesCheaply) != "" {
		hashCost = cheapHash
	}
	if os.Getenv(playsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// patience bounds every wait for something that ought to take a moment. It is
// generous, because the machine may be busy with other things.
const patience = 30 * time.Second

const secretKey = "0123456789abcdefghijklmnopqrstuv"

// settings are environment variables of a process.
type settings map[string]string

// serving is what a server gets unless the test says otherwise: a free loopback
// port, a key that outlives it, nobody to wait for at its end. The tests stand
// where a trusted proxy would, so that each of their clients has an address; how
// often they ask is not the question.
func serving(url string) settings {
	return settings{
		"ADDR": "127.0.0.1:0", "DATABASE_URL": url, "SECRET_KEY": secretKey,
		"SHUTDOWN_DELAY": "0s", "TRUSTED_PROXIES": "127.0.0.1", "RATE_LIMITS": "off",
	}
}

func (s settings) with(more settings) settings {
	all := maps.Clone(s)
	maps.Copy(all, more)
	return all
}

// A process is the program, running.
type process struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{}
	url            string // of a server that listens
}

// newProcess prepares the program in a working directory of its own. Of this
// environment it inherits only what finds files and databases: a setting that
// happens to be exported must not decide a test.
func newProcess(t testing.TB, env settings, args ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains([]string{"PATH", "HOME", "TMPDIR", "GORACE", "GOMAXPROCS"}, name) || strings.HasPrefix(name, "PG") {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	p.cmd.Env = append(p.cmd.Env, playsProgram+"=1")
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	return p
}

// start lets the process run, at the longest until the test ends.
func (p *process) start() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	p.t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.ended
		if said := p.stderr.String(); strings.Contains(said, "DATA RACE") || strings.Contains(said, "panic:") {
			p.t.Errorf("the process said\n%s", said)
		}
	})
}

// serve starts a server and waits until it listens.
func serve(t testing.TB, env settings) *process {
	t.Helper()
	p := newProcess(t, env, "serve")
	p.start()
	p.awaitListening()
	return p
}

// awaitListening waits for the line that tells scripts the address.
func (p *process) awaitListening() {
	p.t.Helper()
	eventually(p.t, "the server listens", func() bool {
		select {
		case <-p.ended:
			p.t.Fatalf("ended at its start with %v\n%s%s", p.cmd.ProcessState, p.stdout.String(), p.stderr.String())
		default:
		}
		for _, line := range p.log() {
			if line["msg"] == "listening" {
				p.url = "http://" + line["address"].(string)
			}
		}
		return p.url != ""
	})
}

// signal does nothing to a process that has ended.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// kill is kill -9: no handler runs, nothing is written any more.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// exit waits for the end and returns the status, -1 when it was a signal.
func (p *process) exit(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("still running after %s\n%s", within, p.stdout.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends a server as an operator does.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if status := p.exit(patience); status != 0 {
		p.t.Errorf("exit status %d after SIGTERM\n%s%s", status, p.stdout.String(), p.stderr.String())
	}
}

// runToEnd runs a command that ends by itself.
func runToEnd(t testing.TB, env settings, args ...string) *process {
	t.Helper()
	p := newProcess(t, env, args...)
	p.start()
	p.exit(patience)
	return p
}

// log is what the server has logged so far. A line that is not JSON fails the
// test: whatever collects the logs could not read it.
func (p *process) log() []map[string]any {
	p.t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(p.stdout.String()) {
		if !strings.HasSuffix(text, "\n") {
			break // being written
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			p.t.Fatalf("log line %q: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

// logged counts the lines with a message.
func (p *process) logged(message string) int {
	p.t.Helper()
	n := 0
	for _, line := range p.log() {
		if line["msg"] == message {
			n++
		}
	}
	return n
}

// output collects what a process prints while a test looks at it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// eventually waits until something holds, looking often.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// eachKind runs a test on an empty database of each kind.
func eachKind(t *testing.T, test func(t *testing.T, kind db.Kind, url string)) {
	t.Helper()
	for _, kind := range dbtest.Kinds {
		t.Run(string(kind), func(t *testing.T) { test(t, kind, dbtest.URL(t, kind)) })
	}
}

// rounds is how often a test is repeated: the variable's number, if it is set.
func rounds(t testing.TB, variable string, standard int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a whole number of at least 1", variable)
	}
	return n
}
