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

// TestFuzzFromTheContract lets Schemathesis make up requests from the contract
// that the server serves: as nobody, as a user and as an administrator, on each
// database, until it has sent FUZZ_REQUESTS there. scripts/fuzz.sh installs
// Schemathesis and names it in SCHEMATHESIS.
func TestFuzzFromTheContract(t *testing.T) {
	schemathesis := os.Getenv("SCHEMATHESIS")
	if schemathesis == "" {
		t.Skip("scripts/fuzz.sh runs it")
	}
	requests := numberFrom(t, "FUZZ_REQUESTS", 2_000)
	for _, kind := range dbtest.Kinds {
		url := dbtest.URL(t, kind)
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := newFuzz(t, schemathesis, url)
			for seed := numberFrom(t, "FUZZ_SEED", 1); f.sent < requests && !t.Failed(); seed++ {
				missing := requests - f.sent
				for _, role := range fuzzRoles {
					f.run(role, seed, missing/len(fuzzRoles))
				}
			}
			f.report()
		})
	}
}

var fuzzRoles = []string{"nobody", "user", "admin"}

// A fuzz is one server, and what has been sent to it.
type fuzz struct {
	t            *testing.T
	schemathesis string
	server       *process
	people       *httptest.Server
	sent         int                        // by Schemathesis, as it counts
	seen         map[string]map[outcome]int // by role, as the server counts
}

// An outcome is one of the things that the server counts.
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
	// Hashing would take two thirds of the time of the server.
	f.server = serveWatched(t, serving(url).with(settings{"METRICS_ADDR": "127.0.0.1:0", hashesCheaply: "1"}))
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	f.people = httptest.NewServer(newPeople(t, d))
	t.Cleanup(f.people.Close)
	return f
}

// run sends so many requests, more or less.
func (f *fuzz) run(role string, seed, requests int) {
	f.t.Helper()
	dir := f.t.TempDir() // it finds its configuration here, and leaves things behind
	if err := os.CopyFS(dir, os.DirFS("../../scripts/fuzz")); err != nil {
		f.t.Fatal(err)
	}
	// From a file: what it has read from an address it does not test there.
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
	// A proxy of this machine does not stand before the server, nor is it to be looked for at each request.
	cmd.Env = append(os.Environ(), "FUZZ_ROLE="+role, "FUZZ_ACCOUNTS="+f.people.URL, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	before := f.outcomes()
	said, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("as %s with seed %d: %v\n%s", role, seed, err, said)
	}
	for o, n := range f.outcomes() {
		f.seen[role][o] += n - before[o]
	}
	r := f.read(filepath.Join(dir, "report.json"))
	r.check(f.t, role)
	f.sent += r.TestCases.Generated
	// Its report says nothing of what the chains were. A few are given up before their first request.
	chains, links := numberAfter(said, "Scenarios:"), numberAfter(said, "API Links:")
	if 10*chains < 9*examples || links == 0 {
		f.t.Errorf("as %s: %d chains of %d, %d links", role, chains, examples, links)
	}
	f.t.Logf("as %s with seed %d: %d requests in %.0f s, %d chains over %d links", role, seed, r.TestCases.Generated, r.RunningTime, chains, links)
}

// numberAfter finds what Schemathesis prints behind some words, 0 if it does not.
func numberAfter(said []byte, words string) int {
	_, rest, _ := bytes.Cut(said, []byte(words))
	n, _ := strconv.Atoi(string(regexp.MustCompile(`\d+`).Find(rest)))
	return n
}

// fuzzReport is what Schemathesis says about a run, as far as it is looked at.
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

// check requires that everything ran, for a run in which nothing ran finds
// nothing either.
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
	for kind, about := range r.Warnings {
		if kind == "missing_test_data" {
			continue // no success in this run: report looks for one in all of them
		}
		for _, what := range about {
			if kind != "missing_auth" || mayCall(role, what) {
				t.Errorf("as %s: %s: %v", role, kind, what)
			}
		}
	}
}

// mayCall says whether the contract lets a role call an operation, by its name
// in a report.
func mayCall(role string, label any) bool {
	i := slices.IndexFunc(theContract().Operations, func(op *contract.Operation) bool { return op.Method+" "+op.Path == label })
	return i < 0 || letsIn(theContract().Operations[i], role)
}

func letsIn(op *contract.Operation, role string) bool {
	switch {
	case op.Session != contract.SessionRequired:
		return true
	case role == "nobody":
		return false
	default:
		return op.Roles == nil || slices.Contains(op.Roles, role)
	}
}

var requestsTotal = regexp.MustCompile(`(?m)^\w*http_requests_total\{.*method="(.*?)",route="(.*?)",status="(\d+)".*\} (\S+)$`)

// outcomes counts the answers of the server. Its log leaves out floods.
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

// report holds the server to what it says of itself: each role has got what the
// contract lets it have, there is no answer of 500 or more, and none that breaks the
// contract.
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
				f.t.Errorf("as %s: %s %s is answered %d, %d times", role, o.method, o.route, o.status, n)
			}
		}
		for _, op := range theContract().Operations {
			if letsIn(op, role) && !served[op.Method+" "+op.Path] {
				f.t.Errorf("as %s: no request of %s has succeeded", role, op.ID)
			}
		}
	}
	if answered < f.sent {
		f.t.Errorf("%d requests were sent and %d answered", f.sent, answered)
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
