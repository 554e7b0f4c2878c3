package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/contract"
)

// Schemathesis generates requests from the contract that the server serves: without a
// session, as a user and as an administrator. It sends FUZZ_REQUESTS requests on each
// database. scripts/fuzz.sh installs Schemathesis and sets SCHEMATHESIS to its path.
func TestServer_FuzzFromTheContract(t *testing.T) {
	schemathesis := os.Getenv("SCHEMATHESIS")
	if schemathesis == "" {
		t.Skip("run by scripts/fuzz.sh")
	}
	requests := envInt(t, "FUZZ_REQUESTS", 2_000)
	for _, kind := range dbtest.Kinds {
		url := dbtest.URL(t, kind)
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := newFuzz(t, schemathesis, url)
			for seed := envInt(t, "FUZZ_SEED", 1); f.sent < requests && !t.Failed(); seed++ {
				missing := requests - f.sent
				for _, role := range fuzzRoles {
					f.run(role, seed, missing/len(fuzzRoles))
				}
			}
			f.report()
		})
	}
}

var fuzzRoles = []string{"anonymous", "user", "admin"}

// A fuzz is a server under test with the counts of its requests.
type fuzz struct {
	t            *testing.T
	schemathesis string
	server       *process
	accounts     *httptest.Server
	sent         int                        // requests, counted by Schemathesis
	seen         map[string]map[outcome]int // by role, counted by the server
}

// An outcome is a label set of the metric for requests.
type outcome struct {
	method, route string
	status        int
}

func newFuzz(t *testing.T, schemathesis, url string) *fuzz {
	t.Helper()
	f := &fuzz{t: t, schemathesis: schemathesis, seen: map[string]map[outcome]int{}}
	for _, role := range fuzzRoles {
		f.seen[role] = map[outcome]int{}
	}
	// Full hashes would take two thirds of the time of the server.
	f.server = serveInTestBinary(t, serverSettings(url).with(settings{"METRICS_ADDR": "127.0.0.1:0", cheapHashes: "1"}))
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	f.accounts = httptest.NewServer(newAccountSource(t, d))
	t.Cleanup(f.accounts.Close)
	return f
}

// run sends about the given number of requests.
func (f *fuzz) run(role string, seed, requests int) {
	f.t.Helper()
	dir := f.t.TempDir() // for its configuration and the files it writes
	if err := os.CopyFS(dir, os.DirFS("../../scripts/fuzz")); err != nil {
		f.t.Fatal(err)
	}
	// From a file: Schemathesis does not test the URL that it loads the document from.
	_, document := get(f.t, f.server.url+"/openapi.json")
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), []byte(document), 0o600); err != nil {
		f.t.Fatal(err)
	}
	// The number of chains, and of random requests for each operation. The other phases send a fixed
	// number, about 2,000. With fewer than 40 a run may miss what checks.py requires, such as the
	// longest password and a request that follows each link.
	examples := max(40, min(1000, requests/len(theContract().Operations)))
	cmd := exec.CommandContext(f.t.Context(), f.schemathesis, "--no-color", "run", "openapi.json", "--url", f.server.url,
		"--seed", strconv.Itoa(seed), "-n", strconv.Itoa(examples), "--report-json-path", "report.json")
	cmd.Dir = dir
	// No proxy is between the client and the server; do not look for one at each request.
	cmd.Env = append(os.Environ(), "FUZZ_ROLE="+role, "FUZZ_ACCOUNTS="+f.accounts.URL, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	before := f.outcomes()
	output, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("as %s with seed %d: %v\n%s", role, seed, err, output)
	}
	for o, n := range f.outcomes() {
		f.seen[role][o] += n - before[o]
	}
	r := f.read(filepath.Join(dir, "report.json"))
	r.check(f.t, role)
	f.sent += r.TestCases.Generated
	// The report does not count chains. A few chains end before their first request.
	chains, links := numberAfter(output, "Scenarios:"), numberAfter(output, "API Links:")
	if 10*chains < 9*examples || links == 0 {
		f.t.Errorf("as %s: %d of %d chains, %d links", role, chains, examples, links)
	}
	f.t.Logf("as %s with seed %d: %d requests in %.0f s, %d chains over %d links", role, seed, r.TestCases.Generated, r.RunningTime, chains, links)
}

// numberAfter returns the number that Schemathesis prints after a label, or 0.
func numberAfter(output []byte, label string) int {
	_, rest, _ := bytes.Cut(output, []byte(label))
	n, _ := strconv.Atoi(string(regexp.MustCompile(`\d+`).Find(rest)))
	return n
}

// fuzzReport is the part of the report of Schemathesis that the test uses.
type fuzzReport struct {
	RunningTime float64 `json:"running_time"`
	Operations  struct{ Total, Tested, Errored int }
	Phases      map[string]struct{ Status string }
	TestCases   struct{ Generated int } `json:"test_cases"`
	Warnings    map[string][]any
}

func (f *fuzz) read(path string) (r fuzzReport) {
	f.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		f.t.Fatalf("%v in %s", err, text)
	}
	return r
}

// check requires that every phase and operation ran. A run that tests nothing finds no
// faults either.
func (r fuzzReport) check(t *testing.T, role string) {
	t.Helper()
	for _, phase := range []string{"examples", "coverage", "fuzzing", "stateful"} {
		if status := r.Phases[phase].Status; status != "success" {
			t.Errorf("as %s: the phase %s ended with %q", role, phase, status)
		}
	}
	if all := len(theContract().Operations); r.Operations.Total != all || r.Operations.Tested != all || r.Operations.Errored != 0 {
		t.Errorf("as %s: %+v of %d operations", role, r.Operations, all)
	}
	for kind, subjects := range r.Warnings {
		if kind == "missing_test_data" {
			continue // no success in this run; report requires one over all runs
		}
		for _, subject := range subjects {
			if kind != "missing_auth" || mayCall(role, subject) {
				t.Errorf("as %s: %s: %v", role, kind, subject)
			}
		}
	}
}

// mayCall reports whether the contract allows a role to call an operation, by the label of
// the operation in the report.
func mayCall(role string, label any) bool {
	i := slices.IndexFunc(theContract().Operations, func(op *contract.Operation) bool { return op.Method+" "+op.Path == label })
	return i < 0 || allows(theContract().Operations[i], role)
}

func allows(op *contract.Operation, role string) bool {
	switch {
	case op.Session != contract.SessionRequired:
		return true
	case role == "anonymous":
		return false
	default:
		return op.Roles == nil || slices.Contains(op.Roles, role)
	}
}

var requestsTotal = regexp.MustCompile(`(?m)^\w*http_requests_total\{.*method="(.*?)",route="(.*?)",status="(\d+)".*\} (\S+)$`)

// outcomes returns the response counts of the server. The log is incomplete, because it
// suppresses floods.
func (f *fuzz) outcomes() map[outcome]int {
	f.t.Helper()
	_, metrics := get(f.t, f.server.metricsURL()+"/metrics")
	seen := map[outcome]int{}
	for _, m := range requestsTotal.FindAllStringSubmatch(metrics, -1) {
		status, err := strconv.Atoi(m[3])
		count, err2 := strconv.ParseFloat(m[4], 64)
		if err != nil || err2 != nil {
			f.t.Fatalf("%q: %v %v", m[0], err, err2)
		}
		seen[outcome{m[1], m[2], status}] += int(count)
	}
	return seen
}

// report checks the metrics and the log of the server: each operation has succeeded for
// each role that may call it, no response has a status of 500 or more, and none violates
// the contract.
func (f *fuzz) report() {
	f.t.Helper()
	answered, statuses := 0, map[int]int{}
	for role, seen := range f.seen {
		served := map[string]bool{}
		for o, n := range seen {
			answered += n
			statuses[o.status] += n
			if n > 0 && o.status < http.StatusMultipleChoices {
				served[o.method+" "+o.route] = true
			}
			if n > 0 && o.status >= http.StatusInternalServerError {
				f.t.Errorf("as %s: %s %s has status %d, %d times", role, o.method, o.route, o.status, n)
			}
		}
		for _, op := range theContract().Operations {
			if allows(op, role) && !served[op.Method+" "+op.Path] {
				f.t.Errorf("as %s: no request of %s succeeded", role, op.ID)
			}
		}
	}
	if answered < f.sent {
		f.t.Errorf("%d requests were sent and only %d answered", f.sent, answered)
	}
	if n := f.server.logged("answer breaks the contract"); n != 0 {
		f.t.Errorf("%d answers break the contract\n%s", n, f.server.stdout.String())
	}
	summary := ""
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		summary += fmt.Sprintf(" %d×%d", statuses[status], status)
	}
	f.t.Logf("%d requests:%s", f.sent, summary)
}
