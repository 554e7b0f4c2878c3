package main

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/server"
)

// A PostgreSQL that hangs keeps its connections open, so nothing but our own
// clock ends the wait. Every request gets its 503, none piles up, what needs no
// database still answers, and nobody has to restart anything afterwards.
func TestAHungDatabaseHoldsNobodyForLong(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("finds the processes of PostgreSQL in /proc")
	}
	t.Parallel() // it waits rather than works
	cluster := dbtest.OwnCluster(t)
	p := serveWatched(t, serving(cluster.URL).with(settings{"METRICS_ADDR": "127.0.0.1:0", hashesCheaply: "1"}))
	c := newClient(t, p.url)
	alice := c.register(t)
	cookie, err := c.login(alice)
	if err != nil || cookie == "" {
		t.Fatalf("not logged in: %v", err)
	}
	before := p.goroutines()

	cluster.Freeze()
	began := time.Now()
	var clients sync.WaitGroup
	for i := range 40 { // four times the pool
		clients.Go(func() {
			c := newClient(t, p.url)
			defer c.http.CloseIdleConnections()
			ask := func() (*answer, error) { return c.try("GET", "/auth/current_user", cookie, nil) }
			if i%2 == 0 {
				ask = func() (*answer, error) { return c.try("POST", "/auth/login", "", alice.credentials()) }
			}
			got, err := ask()
			if err != nil || !got.is(503) || got.header.Get("Retry-After") == "" {
				t.Errorf("%v %v", got, err)
			}
		})
	}
	if got := c.call(t, "GET", "/healthz", "", nil); !got.is(200) {
		t.Errorf("/healthz answers %s", got)
	}
	if got := c.call(t, "GET", "/readyz", "", nil); !got.is(503) {
		t.Errorf("/readyz answers %s", got)
	}
	clients.Wait()
	took := time.Since(began)
	t.Logf("the last answer came after %s", took)
	if took > server.RequestTimeout+patience/3 {
		t.Errorf("40 requests took %s: they wait for each other", took)
	}
	eventually(t, "nothing is left waiting", func() bool { return p.goroutines() < before+40 })

	cluster.Thaw()
	began = time.Now()
	eventually(t, "the session is known again", func() bool {
		return c.call(t, "GET", "/auth/current_user", cookie, nil).member("ok") == true
	})
	t.Logf("in order again after %s", time.Since(began))
	if again, err := c.login(alice); err != nil || again == "" {
		t.Errorf("not logged in: %v", err)
	}
	p.awaitReady()
	p.stop()
}

// goroutines is how many the server has, by its own metrics.
func (p *process) goroutines() int {
	p.t.Helper()
	_, text := get(p.t, p.metricsURL()+"/metrics")
	for line := range strings.Lines(text) {
		if number, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if err != nil {
				p.t.Fatal(err)
			}
			return n
		}
	}
	p.t.Fatal("the metrics do not count goroutines")
	return 0
}
