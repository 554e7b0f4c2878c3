package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
// with an environment, signals and an exit status. It comes in two forms.
//
// As it ships: what is asked is how it starts, what it prints, what it stores,
// how long it takes and how much memory. The race detector would say nothing
// about that, change the last two, and make a start ten times as dear.
//
// Watched: the test binary plays it, so that the race detector sees into the
// server of the tests that are about what happens in it at the same moment.
const playsProgram = "TECHTREKS_TEST_PLAYS_PROGRAM"

// hashesCheaply makes its hashes of passwords cost next to nothing.
const hashesCheaply = "TECHTREKS_TEST_HASHES_CHEAPLY"

var cheapHash = &password.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func TestMain(m *testing.M) {
	if os.Getenv(playsProgram) != "" {
		cost := hashCost{}
		if os.Getenv(hashesCheaply) != "" {
			cost.Params = cheapHash
		}
		os.Exit(runProcess(cost))
	}
	if os.Getenv(playsSQLite) != "" {
		os.Exit(playSQLite(os.Args[1], os.Args[2]))
	}
	// Tests that run beside others here wait rather than work: for a limit of a
	// connection, for the end of a process.
	flag.Parse()
	_ = flag.Set("test.parallel", "16")
	status := m.Run()
	_ = os.RemoveAll(shippedIn)
	os.Exit(status)
}

// shippedIn is the folder of the program, once it is built.
var shippedIn string

// shipped builds the program, the first time that a test needs it, with the
// options of `make build`: what was compiled there need only be linked.
var shipped = sync.OnceValues(func() (path string, err error) {
	if shippedIn, err = os.MkdirTemp("", "techtreks-program-"); err != nil {
		return "", err
	}
	path = filepath.Join(shippedIn, "techtreks")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	return path, nil
})

// shippedProgram is the path of the program.
func shippedProgram(t testing.TB) string {
	t.Helper()
	path, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return path
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
		"VERIFY_RESPONSES": "true", // the test fails if the log has one that breaks the contract
	}
}

// measured is serving without a look at each answer, and with garbage collected as usual,
// for tests of what the server costs.
func measured(url string) settings {
	return serving(url).with(settings{"VERIFY_RESPONSES": "false", "GOGC": "100"})
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

	mu     sync.Mutex
	parsed []map[string]any // the lines of the log that were read before
	read   int              // and how many bytes they are
}

// newProcess prepares the program as it ships, in a working directory of its own. Of this
// environment it inherits only what finds files and databases, and what is said to Go: a
// setting that happens to be exported must not decide a test.
func newProcess(t testing.TB, env settings, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(shippedProgram(t), args...), ended: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains([]string{"PATH", "HOME", "TMPDIR", "GORACE", "GOMAXPROCS", "GOGC"}, name) || strings.HasPrefix(name, "PG") {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	return p
}

// watched has the race detector look on, where this test runs under it.
func (p *process) watched() *process {
	p.t.Helper()
	program, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Path, p.cmd.Args[0] = program, program
	p.cmd.Env = append(p.cmd.Env, playsProgram+"=1")
	return p
}

// ofABrokenProgram is what Go says of a program that is wrong, whatever becomes of it then.
var ofABrokenProgram = regexp.MustCompile(`DATA RACE|panic:|fatal error:`)

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
		if said := p.stderr.String(); ofABrokenProgram.MatchString(said) {
			p.t.Errorf("the process said\n%s", said)
		}
		for line := range strings.Lines(p.stdout.String()) {
			if strings.Contains(line, `"msg":"answer breaks the contract"`) {
				p.t.Errorf("the process said %s", line)
			}
		}
	})
}

// serve starts a server and waits until it listens.
func serve(t testing.TB, env settings) *process {
	t.Helper()
	return newProcess(t, env, "serve").listening()
}

// serveWatched is serve for a server that the race detector looks into.
func serveWatched(t testing.TB, env settings) *process {
	t.Helper()
	return newProcess(t, env, "serve").watched().listening()
}

// listening starts a server that was prepared, and waits until it listens.
func (p *process) listening() *process {
	p.t.Helper()
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

// freeze stops it where it is. Until one of its threads has taken the signal the others go
// on, which is long where many wait for a processor.
func (p *process) freeze() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	eventually(p.t, "it stands still", func() bool {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		if err != nil || pid != 0 && !status.Stopped() {
			p.t.Fatalf("ended before it was to stand still: %v, status %#x\n%s", err, status, p.stderr.String())
		}
		return pid != 0
	})
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

// proc names a file of what Linux tells of the process.
func (p *process) proc(file string) string {
	return fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file)
}

// log is what the server has logged so far. A line that is not JSON fails the
// test: whatever collects the logs could not read it.
func (p *process) log() []map[string]any {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for text := range strings.Lines(p.stdout.after(p.read)) {
		if !strings.HasSuffix(text, "\n") {
			break // being written
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			p.t.Fatalf("log line %q: %v", text, err)
		}
		p.parsed, p.read = append(p.parsed, line), p.read+len(text)
	}
	return slices.Clone(p.parsed)
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

func (o *output) String() string { return o.after(0) }

// after leaves out what was printed first.
func (o *output) after(bytes int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.buf.Bytes()[bytes:])
}

// eventually waits until something holds, looking often.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
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

// inEarnest is set where a test has the machine to itself, as in make torture: then
// times are held to what is required. Beside other tests they would tell of those.
var inEarnest = os.Getenv("IN_EARNEST") == "true"

// numberFrom is the number in a variable, if it is set: how often, how many, for how long.
func numberFrom(t testing.TB, variable string, standard int) int {
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
