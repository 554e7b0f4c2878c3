package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
)

// stopsWithin is the documented limit of a shutdown. An orchestrator that waits longer before
// it kills the process loses nothing.
const stopsWithin = 15 * time.Second

// A rawConn is a connection to which a test writes raw bytes.
type rawConn struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, server string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(server, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(waitLimit))
	return &rawConn{t: t, Conn: conn, in: bufio.NewReader(conn)}
}

func (w *rawConn) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatal(err)
	}
}

// answer reads one complete response to a GET.
func (w *rawConn) answer() (*answer, error) { return w.answerTo(http.MethodGet) }

// answerTo reads the response to a request with this method. The response to HEAD has no
// body.
func (w *rawConn) answerTo(method string) (*answer, error) {
	response, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	a := &answer{status: response.StatusCode, header: response.Header}
	if response.Close {
		a.header.Set("Connection", "close") // ReadResponse removes it
	}
	a.body, err = io.ReadAll(response.Body)
	return a, err
}

// halfLogin sends a login up to the middle of its body and returns the rest.
func (w *rawConn) halfLogin(a account) (rest string) {
	w.t.Helper()
	body, err := json.Marshal(a.credentials())
	if err != nil {
		w.t.Fatal(err)
	}
	half := len(body) / 2
	w.send(fmt.Sprintf("POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:half]))
	return string(body[half:])
}

// refused reports whether the server refuses connections.
func refused(server string) bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(server, "http://"))
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// This test follows one shutdown through its steps.
func TestShutdown_FinishesRequestsInProgress(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		p := serveInTestBinary(t, serverSettings(url).with(settings{"SHUTDOWN_DELAY": "1s"}))
		c := newClient(t, p.url)
		user := c.register(t)
		slow, idle := dial(t, p.url), dial(t, p.url)
		rest := slow.halfLogin(user)
		idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if got, err := idle.answer(); err != nil || !got.is(http.StatusOK) {
			t.Fatalf("%s, %v", got, err)
		}

		// Eight logins are in progress when the signal arrives.
		first := make(chan struct{}, 8)
		var logins sync.WaitGroup
		for range 8 {
			logins.Go(func() {
				got, err := newClient(t, p.url).try("POST", "/auth/login", "", user.credentials())
				if err != nil || !got.is(http.StatusOK) {
					t.Errorf("a login in progress: %s, %v", got, err)
				}
				first <- struct{}{}
			})
		}
		<-first
		begin := time.Now()
		p.signal(syscall.SIGTERM)

		// The listener is still open, but the server is not ready.
		eventually(t, "readyz is 503", func() bool {
			got, err := newClient(t, p.url).try("GET", "/readyz", "", nil)
			if err != nil {
				t.Fatalf("no response of /readyz during the shutdown delay: %v", err)
			}
			return got.is(http.StatusServiceUnavailable) && got.member("code") == "shutting_down"
		})
		late := dial(t, p.url)
		late.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if got, err := late.answer(); err != nil || !got.is(http.StatusOK) {
			t.Errorf("/healthz during the shutdown delay: %s, %v", got, err)
		}
		eventually(t, "new connections are refused", func() bool { return refused(p.url) })
		if waited := time.Since(begin); waited < time.Second {
			t.Errorf("connections were refused %s after the signal", waited)
		}
		logins.Wait()

		// Idle connections are closed; requests in progress keep the process running.
		if _, err := idle.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the idle connection: %v", err)
		}
		slow.send(rest)
		got, err := slow.answer()
		if err != nil || !got.is(http.StatusOK) || got.member("ok") != true {
			t.Errorf("the upload in progress: %s, %v", got, err)
		}
		if status := p.exit(stopsWithin - time.Since(begin)); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if !refused(p.url) {
			t.Error("the port is still open")
		}
	})
}

func TestShutdown_DependsOnTheSignal(t *testing.T) {
	for name, tc := range map[string]struct {
		delay   string
		upload  bool // an upload is in progress and never ends
		signals []syscall.Signal
		status  int
		least   time.Duration
		most    time.Duration
	}{
		"sigterm waits for the load balancer": {delay: "1s", signals: []syscall.Signal{syscall.SIGTERM}, least: time.Second, most: 5 * time.Second},
		"interrupt does not wait":             {delay: "10s", signals: []syscall.Signal{syscall.SIGINT}, most: 5 * time.Second},
		"second sigterm ends at once": {
			delay: "10s", upload: true, signals: []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, status: -1, most: 5 * time.Second,
		},
		"second interrupt ends at once": {
			delay: "10s", upload: true, signals: []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, status: -1, most: 5 * time.Second,
		},
		"endless upload is interrupted": {delay: "0s", upload: true, signals: []syscall.Signal{syscall.SIGTERM}, least: time.Second, most: stopsWithin},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // mostly waits
			p := serveInTestBinary(t, serverSettings(dbtest.URL(t, db.SQLite)).with(settings{"SHUTDOWN_DELAY": tc.delay}))
			if tc.upload {
				dial(t, p.url).halfLogin(account{"user", "password"})
				// After the response to a later request, the server has read the header.
				newClient(t, p.url).call(t, "GET", "/healthz", "", nil)
			}
			begin := time.Now()
			for i, sig := range tc.signals {
				eventually(t, "the previous signal is handled", func() bool { return p.logged("shutting down") == min(i, 1) })
				p.signal(sig)
			}
			if status := p.exit(stopsWithin); status != tc.status {
				t.Errorf("exit status %d", status)
			}
			if took := time.Since(begin); took < tc.least || took > tc.most {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestShutdown_RightAfterTheStart(t *testing.T) {
	for range 3 {
		p := serveInTestBinary(t, serverSettings(dbtest.URL(t, db.SQLite)))
		p.stop()
	}
}
