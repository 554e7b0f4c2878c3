package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// metricsURL returns the address of the metrics from the log.
func (p *process) metricsURL() string {
	p.t.Helper()
	for _, line := range p.log() {
		if line["msg"] == "metrics" {
			return "http://" + line["address"].(string)
		}
	}
	p.t.Fatalf("the log has no address of the metrics\n%s", p.stdout.String())
	return ""
}

// get returns the status and the body.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url) //nolint:noctx // ends with the process
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestMetrics_HaveASeparatePort(t *testing.T) {
	eachKind(t, func(t *testing.T, kind db.Kind, url string) {
		p := serve(t, serverSettings(url).with(settings{"METRICS_ADDR": "127.0.0.1:0"}))
		c := newClient(t, p.url)
		c.call(t, "GET", "/auth/current_user", "", nil)
		status, text := get(t, p.metricsURL()+"/metrics")
		if status != 200 {
			t.Fatalf("/metrics has status %d", status)
		}
		want := []string{
			`techtreks_http_requests_total{code="",method="GET",route="/auth/current_user",status="200"} 1`,
			`techtreks_build_info{go="go`, `version="development"} 1`, "techtreks_outbox_pending 0",
			`go_sql_open_connections{db_name="writer"}`, "go_goroutines ", "process_resident_memory_bytes ",
		}
		if kind == db.SQLite {
			want = append(want, `go_sql_max_open_connections{db_name="writer"} 1`, `go_sql_in_use_connections{db_name="readers"}`)
		}
		for _, line := range want {
			if !strings.Contains(text, line) {
				t.Errorf("%s is missing", line)
			}
		}
		for _, path := range []string{"/", "/healthz", "/auth/current_user", "/debug/pprof/"} {
			if status, _ := get(t, p.metricsURL()+path); status != 404 {
				t.Errorf("%s on the port of the metrics has status %d", path, status)
			}
		}
		if status, _ := get(t, p.url+"/metrics"); status != 404 {
			t.Errorf("/metrics on the public port has status %d", status)
		}
		p.stop()
		if connection, err := net.DialTimeout("tcp", strings.TrimPrefix(p.metricsURL(), "http://"), time.Second); err == nil {
			_ = connection.Close()
			t.Error("the port of the metrics is still open")
		}
	})
}

func TestMetrics_AreServedDuringShutdown(t *testing.T) {
	t.Parallel() // mostly waits
	p := serve(t, serverSettings(dbtest.URL(t, db.SQLite)).with(settings{"METRICS_ADDR": "127.0.0.1:0", "SHUTDOWN_DELAY": "5s"}))
	p.signal(syscall.SIGTERM)
	eventually(t, "the shutdown begins", func() bool { return p.logged("shutting down") == 1 })
	if status, _ := get(t, p.metricsURL()+"/metrics"); status != 200 {
		t.Errorf("during the shutdown: %d", status)
	}
	p.exit(waitLimit)
}

func TestMetrics_UnavailablePortEndsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for name, tc := range map[string]struct {
		set  settings
		want string
	}{
		"port in use":       {settings{"METRICS_ADDR": taken.Addr().String()}, "METRICS_ADDR: listen tcp"},
		"same port as addr": {settings{"ADDR": "127.0.0.1:5077", "METRICS_ADDR": ":5077"}, "METRICS_ADDR must have another port than ADDR"},
		"not an address":    {settings{"METRICS_ADDR": "metrics"}, "METRICS_ADDR must be HOST:PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			p := runToEnd(t, serverSettings(dbtest.URL(t, db.SQLite)).with(tc.set), "serve")
			if reported := p.stdout.String() + p.stderr.String(); p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(reported, tc.want) {
				t.Errorf("exit status %d\n%s", p.cmd.ProcessState.ExitCode(), reported)
			}
		})
	}
}
