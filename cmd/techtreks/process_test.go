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

// These tests start the program as an operator does: as a process with an environment,
// signals and an exit status. There are two forms of the program:
//
//   - The shipped program, for tests of the start, the output, the stored data, the time
//     and the memory. The race detector would not find more in these tests, would change
//     time and memory, and makes a start ten times as expensive.
//   - The test binary, which runs the program if this variable is set. It contains the race
//     detector if the tests run with -race, for tests of concurrent work in the server.
const runAsProgram = "TECHTREKS_TEST_RUN_AS_PROGRAM"

// cheapHashes makes the program hash passwords at a negligible cost.
const cheapHashes = "TECHTREKS_TEST_CHEAP_HASHES"

var cheapHash = &password.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		cost := hashCost{}
		if os.Getenv(cheapHashes) != "" {
			cost.Params = cheapHash
		}
		os.Exit(runProcess(cost))
	}
	if os.Getenv(runAsSQLite) != "" {
		os.Exit(runSQLite(os.Args[1], os.Args[2]))
	}
	// The parallel tests mostly wait: for a timeout of a connection or the end of a process.
	flag.Parse()
	_ = flag.Set("test.parallel", "16")
	status := m.Run()
	_ = os.RemoveAll(shippedDir)
	os.Exit(status)
}

// shippedDir is the directory of the program after it was built.
var shippedDir string

// shipped builds the program when a test first needs it. It uses the options of `make
// build`, so that it only links what that has compiled.
var shipped = sync.OnceValues(func() (path string, err error) {
	if shippedDir, err = os.MkdirTemp("", "techtreks-program-"); err != nil {
		return "", err
	}
	path = filepath.Join(shippedDir, "techtreks")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	return path, nil
})

// shippedProgram returns the path of the built program.
func shippedProgram(t testing.TB) string {
	t.Helper()
	path, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// waitLimit bounds every wait for something that normally takes a moment. It is generous,
// because the machine may be busy.
const waitLimit = 30 * time.Second

const secretKey = "0123456789abcdefghijklmnopqrstuv"

// settings are the environment variables of a process.
type settings map[string]string

// serverSettings returns the default settings of a server under test: a free loopback port,
// a fixed key, no delay at shutdown, and no rate limits. The server trusts the tests as a
// proxy, so that each client can have its own address.
func serverSettings(url string) settings {
	return settings{
		"ADDR": "127.0.0.1:0", "DATABASE_URL": url, "SECRET_KEY": secretKey,
		"SHUTDOWN_DELAY": "0s", "TRUSTED_PROXIES": "127.0.0.1", "RATE_LIMITS": "off",
		"VERIFY_RESPONSES": "true", // the test fails if the log reports a violation
	}
}

// measuredSettings returns settings for tests of cost: no check of each response, and the
// default garbage collection.
func measuredSettings(url string) settings {
	return serverSettings(url).with(settings{"VERIFY_RESPONSES": "false", "GOGC": "100"})
}

func (s settings) with(more settings) settings {
	all := maps.Clone(s)
	maps.Copy(all, more)
	return all
}

// A process is a running program.
type process struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{}
	url            string // of the server, once it listens

	mu     sync.Mutex
	parsed []map[string]any // the lines of the log that were already read
	read   int              // number of bytes that were already read
}

// newProcess prepares the shipped program in a new working directory. It inherits only the
// variables for paths, PostgreSQL and the Go runtime, so that settings exported in the
// shell do not affect a test.
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

// asTestBinary runs the program inside the test binary, which may have the race detector.
func (p *process) asTestBinary() *process {
	p.t.Helper()
	program, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Path, p.cmd.Args[0] = program, program
	p.cmd.Env = append(p.cmd.Env, runAsProgram+"=1")
	return p
}

// runtimeFault matches the reports of the Go runtime about a fault in the program.
var runtimeFault = regexp.MustCompile(`DATA RACE|panic:|fatal error:`)

// start starts the process, which is killed at the latest when the test ends.
func (p *process) start() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the result is in ProcessState
		close(p.ended)
	}()
	p.t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.ended
		if text := p.stderr.String(); runtimeFault.MatchString(text) {
			p.t.Errorf("the process reported\n%s", text)
		}
		for line := range strings.Lines(p.stdout.String()) {
			if strings.Contains(line, `"msg":"answer breaks the contract"`) {
				p.t.Errorf("the process logged %s", line)
			}
			p.noteEvent(line)
		}
	})
}

// serve starts a server and waits until it listens.
func serve(t testing.TB, env settings) *process {
	t.Helper()
	return newProcess(t, env, "serve").listening()
}

// serveInTestBinary is serve with the test binary as the program.
func serveInTestBinary(t testing.TB, env settings) *process {
	t.Helper()
	return newProcess(t, env, "serve").asTestBinary().listening()
}

// listening starts a prepared server and waits until it listens.
func (p *process) listening() *process {
	p.t.Helper()
	p.start()
	p.awaitListening()
	return p
}

// awaitListening waits for the log line with the address of the server.
func (p *process) awaitListening() {
	p.t.Helper()
	eventually(p.t, "the server listens", func() bool {
		select {
		case <-p.ended:
			p.t.Fatalf("the server ended at its start: %v\n%s%s", p.cmd.ProcessState, p.stdout.String(), p.stderr.String())
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

// signal sends a signal, unless the process has ended.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// kill sends kill -9: no handler runs, and nothing more is written.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// freeze stops the process and waits until it has stopped. On a busy machine its threads
// continue until one of them has received the signal.
func (p *process) freeze() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	eventually(p.t, "the process is stopped", func() bool {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		if err != nil || pid != 0 && !status.Stopped() {
			p.t.Fatalf("the process ended instead of stopping: %v, status %#x\n%s", err, status, p.stderr.String())
		}
		return pid != 0
	})
}

// exit waits for the end of the process and returns its status, -1 if a signal ended it.
func (p *process) exit(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("still running after %s\n%s", within, p.stdout.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends a server with SIGTERM.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if status := p.exit(waitLimit); status != 0 {
		p.t.Errorf("exit status %d after SIGTERM\n%s%s", status, p.stdout.String(), p.stderr.String())
	}
}

// runToEnd runs a command that ends by itself, without a signal.
func runToEnd(t testing.TB, env settings, args ...string) *process {
	t.Helper()
	p := newProcess(t, env, args...)
	p.start()
	p.exit(waitLimit)
	return p
}

// proc returns the path of a file in /proc about the process.
func (p *process) proc(file string) string {
	return fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file)
}

// log returns the lines logged so far. A line that is not JSON fails the test, because a log
// collector could not parse it.
func (p *process) log() []map[string]any {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for text := range strings.Lines(p.stdout.after(p.read)) {
		if !strings.HasSuffix(text, "\n") {
			break // incomplete
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			p.t.Fatalf("log line %q: %v", text, err)
		}
		p.parsed, p.read = append(p.parsed, line), p.read+len(text)
	}
	return slices.Clone(p.parsed)
}

// logged returns the number of log lines with a message.
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

// output collects the output of a running process.
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

// after returns the output after a number of bytes.
func (o *output) after(bytes int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.buf.Bytes()[bytes:])
}

// eventually polls until a condition holds, at most for [waitLimit].
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitLimit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", waitLimit, what)
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

// inEarnest makes tests check the required times. make torture sets it, where a test has the
// machine to itself. Otherwise other tests would distort the times.
var inEarnest = os.Getenv("IN_EARNEST") == "true"

// envInt returns the number in an environment variable, or a default.
func envInt(t testing.TB, variable string, standard int) int {
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
