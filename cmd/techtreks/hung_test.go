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

// A PostgreSQL that hangs keeps its connections open, so only a timeout of the server ends
// the wait. Every request gets a 503, requests do not pile up, and operations without a
// database still work. The server recovers without a restart.
func TestServer_HungDatabaseAnswers503(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("finds the processes of PostgreSQL in /proc")
	}
	t.Parallel() // mostly waits
	cluster := dbtest.OwnCluster(t)
	p := serveInTestBinary(t, serverSettings(cluster.URL).with(settings{"METRICS_ADDR": "127.0.0.1:0", cheapHashes: "1"}))
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
			send := func() (*answer, error) { return c.try("GET", "/auth/current_user", cookie, nil) }
			if i%2 == 0 {
				send = func() (*answer, error) { return c.try("POST", "/auth/login", "", alice.credentials()) }
			}
			got, err := send()
			if err != nil || !got.is(503) || got.header.Get("Retry-After") == "" {
				t.Errorf("%v %v", got, err)
			}
		})
	}
	if got := c.call(t, "GET", "/healthz", "", nil); !got.is(200) {
		t.Errorf("/healthz: %s", got)
	}
	if got := c.call(t, "GET", "/readyz", "", nil); !got.is(503) {
		t.Errorf("/readyz: %s", got)
	}
	clients.Wait()
	took := time.Since(began)
	t.Logf("the last response came after %s", took)
	if took > server.RequestTimeout+waitLimit/3 {
		t.Errorf("40 requests took %s: they waited for each other", took)
	}
	eventually(t, "no request is still waiting", func() bool { return p.goroutines() < before+40 })

	cluster.Thaw()
	began = time.Now()
	eventually(t, "the session is valid again", func() bool {
		return c.call(t, "GET", "/auth/current_user", cookie, nil).member("ok") == true
	})
	t.Logf("recovered after %s", time.Since(began))
	if again, err := c.login(alice); err != nil || again == "" {
		t.Errorf("not logged in: %v", err)
	}
	p.awaitReady()
	p.stop()
}

// goroutines returns the number of goroutines from the metrics of the server.
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
	p.t.Fatal("the metrics lack go_goroutines")
	return 0
}
