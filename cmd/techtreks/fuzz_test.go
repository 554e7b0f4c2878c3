package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// TestFuzzFromTheContract lets Schemathesis make up requests from the contract
// that the server serves: as nobody, as a user and as an administrator, on each
// database, until FUZZ_REQUESTS have been answered there. scripts/fuzz.sh
// installs Schemathesis and names it in SCHEMATHESIS.
func TestFuzzFromTheContract(t *testing.T) {
	schemathesis := os.Getenv("SCHEMATHESIS")
	if schemathesis == "" {
		t.Skip("scripts/fuzz.sh runs it")
	}
	requests := rounds(t, "FUZZ_REQUESTS", 20_000)
	for _, kind := range dbtest.Kinds {
		url := dbtest.URL(t, kind)
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := newFuzz(t, schemathesis, kind, url)
			for seed := rounds(t, "FUZZ_SEED", 1); f.answered() < requests && !t.Failed(); seed++ {
				for _, role := range []string{"nobody", "user", "admin"} {
					f.run(role, seed, requests)
				}
			}
			f.report()
		})
	}
}

// A fuzz is one server, and what makes accounts on it.
type fuzz struct {
	t            *testing.T
	schemathesis string
	server       *process
	accounts     *httptest.Server
	operations   int
}

func newFuzz(t *testing.T, schemathesis string, kind db.Kind, url string) *fuzz {
	t.Helper()
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	f := &fuzz{t: t, schemathesis: schemathesis, operations: len(c.Operations)}
	f.server = serve(t, serving(url).with(settings{"VERIFY_RESPONSES": "true", "METRICS_ADDR": "127.0.0.1:0"}))
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	people := newClient(t, f.server.url)
	f.accounts = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, cookie, err := newcomer(r.Context(), people, d, r.URL.Query().Get("role"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"cookie": cookie[len("session="):], "username": a.name, "password": a.password})
	}))
	t.Cleanup(f.accounts.Close)
	return f
}

// newcomer makes an account that is logged in.
func newcomer(ctx context.Context, people *client, d *db.DB, role string) (account, string, error) {
	a := newAccount()
	if got, err := people.try("POST", "/auth/register", "", a.registration()); err != nil || !got.is(http.StatusCreated) {
		return a, "", fmt.Errorf("register: %s, %w", got, err)
	}
	if _, err := d.ExecContext(ctx, "UPDATE users SET role = $1 WHERE username = $2", role, a.name); err != nil {
		return a, "", err
	}
	cookie, err := people.login(a)
	return a, cookie, err
}

// run sends a third of the requests, more or less.
func (f *fuzz) run(role string, seed, requests int) {
	f.t.Helper()
	sessions := ""
	if role != "nobody" {
		sessions = f.accounts.URL + "?role=" + role
	}
	dir := f.t.TempDir() // it finds its configuration here, and leaves things behind
	if err := os.CopyFS(dir, os.DirFS("../../scripts/fuzz")); err != nil {
		f.t.Fatal(err)
	}
	// Each operation gets so many requests at most in the phase of random ones, fewer
	// if there are no more that differ; the other phases send what they need.
	examples := max(10, min(1000, requests/3/f.operations))
	cmd := exec.CommandContext(f.t.Context(), f.schemathesis, "--no-color", "run",
		f.server.url+"/openapi.json", "--url", f.server.url, "--seed", strconv.Itoa(seed), "-n", strconv.Itoa(examples))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "FUZZ_SESSIONS="+sessions)
	said, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("as %s with seed %d: %v\n%s", role, seed, err, said)
	}
	f.t.Logf("as %s with seed %d: %s", role, seed, generated.Find(said))
}

var generated = regexp.MustCompile(`\d+ generated, .*`)

var requestsTotal = regexp.MustCompile(`(?m)^\w*http_requests_total\{.*status="(\d+)".*\} (\S+)$`)

// statuses counts the answers of the server. Its log leaves out floods.
func (f *fuzz) statuses() map[int]int {
	f.t.Helper()
	_, metrics := get(f.t, f.server.metricsURL()+"/metrics")
	seen := map[int]int{}
	for _, m := range requestsTotal.FindAllStringSubmatch(metrics, -1) {
		status, err := strconv.Atoi(m[1])
		count, err2 := strconv.ParseFloat(m[2], 64)
		if err != nil || err2 != nil {
			f.t.Fatalf("%q: %v %v", m[0], err, err2)
		}
		seen[status] += int(count)
	}
	return seen
}

func (f *fuzz) answered() int {
	n := 0
	for _, count := range f.statuses() {
		n += count
	}
	return n
}

// report holds the server to what it says of itself: no answer of 500 or more, none that
// breaks the contract.
func (f *fuzz) report() {
	f.t.Helper()
	seen := f.statuses()
	summary := ""
	for _, status := range slices.Sorted(maps.Keys(seen)) {
		summary += fmt.Sprintf(" %d×%d", seen[status], status)
		if status >= 500 {
			f.t.Errorf("%d answers of %d", seen[status], status)
		}
	}
	if n := f.server.logged("answer breaks the contract"); n != 0 {
		f.t.Errorf("%d answers break the contract", n)
	}
	f.t.Logf("%d requests:%s", f.answered(), summary)
}
