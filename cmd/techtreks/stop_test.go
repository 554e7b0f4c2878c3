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

// stopsWithin is what an operator is told: an orchestrator that waits longer
// before it kills loses nothing.
const stopsWithin = 15 * time.Second

// A rawConn is a connection that a test writes to byte by byte.
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
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &rawConn{t: t, Conn: conn, in: bufio.NewReader(conn)}
}

func (w *rawConn) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatal(err)
	}
}

// answer reads one whole answer.
func (w *rawConn) answer() (*answer, error) { return w.answerTo(http.MethodGet) }

// answerTo is the same after a request of this method: what answers HEAD has no body.
func (w *rawConn) answerTo(method string) (*answer, error) {
	response, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	a := &answer{status: response.StatusCode, header: response.Header}
	if response.Close {
		a.header.Set("Connection", "close") // ReadResponse takes it away
	}
	a.body, err = io.ReadAll(response.Body)
	return a, err
}

// halfLogin sends a login up to the middle of its body, and returns the rest.
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

// refused reports that nobody listens any more.
func refused(server string) bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(server, "http://"))
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// TestStopAnswersWhatIsUnderWay follows one stop through its steps.
func TestStopAnswersWhatIsUnderWay(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		p := serveWatched(t, serving(url).with(settings{"SHUTDOWN_DELAY": "1s"}))
		c := newClient(t, p.url)
		someone := c.register(t)
		slow, silent := dial(t, p.url), dial(t, p.url)
		rest := slow.halfLogin(someone)
		silent.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if got, err := silent.answer(); err != nil || !got.is(http.StatusOK) {
			t.Fatalf("%s, %v", got, err)
		}

		// Eight logins compete for the processor when the signal comes.
		first := make(chan struct{}, 8)
		var logins sync.WaitGroup
		for range 8 {
			logins.Go(func() {
				got, err := newClient(t, p.url).try("POST", "/auth/login", "", someone.credentials())
				if err != nil || !got.is(http.StatusOK) {
					t.Errorf("a login under way: %s, %v", got, err)
				}
				first <- struct{}{}
			})
		}
		<-first
		begin := time.Now()
		p.signal(syscall.SIGTERM)

		// The listener is still open, and readiness says not to come here.
		eventually(t, "readyz is 503", func() bool {
			got, err := newClient(t, p.url).try("GET", "/readyz", "", nil)
			if err != nil {
				t.Fatalf("readiness cannot be asked while the server drains: %v", err)
			}
			return got.is(http.StatusServiceUnavailable) && got.member("code") == "shutting_down"
		})
		late := dial(t, p.url)
		late.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if got, err := late.answer(); err != nil || !got.is(http.StatusOK) {
			t.Errorf("healthz while the server drains: %s, %v", got, err)
		}
		eventually(t, "new connections are refused", func() bool { return refused(p.url) })
		if waited := time.Since(begin); waited < time.Second {
			t.Errorf("connections were refused %s after the signal", waited)
		}
		logins.Wait()

		// What was idle is let go of; what is under way keeps the process alive.
		if _, err := silent.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the idle connection: %v", err)
		}
		slow.send(rest)
		got, err := slow.answer()
		if err != nil || !got.is(http.StatusOK) || got.member("ok") != true {
			t.Errorf("the upload under way: %s, %v", got, err)
		}
		if status := p.exit(stopsWithin - time.Since(begin)); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if !refused(p.url) {
			t.Error("somebody still listens")
		}
	})
}

func TestStopTakesTheSignalItGets(t *testing.T) {
	for name, tc := range map[string]struct {
		delay   string
		upload  bool // one is under way, and stays so
		signals []syscall.Signal
		status  int
		least   time.Duration
		most    time.Duration
	}{
		"SIGTERMWaitsForTheBalancer": {delay: "1s", signals: []syscall.Signal{syscall.SIGTERM}, least: time.Second, most: 5 * time.Second},
		"InterruptDoesNot":           {delay: "10s", signals: []syscall.Signal{syscall.SIGINT}, most: 5 * time.Second},
		"SecondSIGTERMEndsAtOnce": {
			delay: "10s", upload: true, signals: []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, status: -1, most: 5 * time.Second,
		},
		"SecondInterruptEndsAtOnce": {
			delay: "10s", upload: true, signals: []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, status: -1, most: 5 * time.Second,
		},
		"UploadThatNeverEndsIsCutOff": {delay: "0s", upload: true, signals: []syscall.Signal{syscall.SIGTERM}, least: time.Second, most: stopsWithin},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait rather than work
			p := serveWatched(t, serving(dbtest.URL(t, db.SQLite)).with(settings{"SHUTDOWN_DELAY": tc.delay}))
			if tc.upload {
				dial(t, p.url).halfLogin(account{"somebody", "something"})
				// The server has read its header once it has answered a later request.
				newClient(t, p.url).call(t, "GET", "/healthz", "", nil)
			}
			begin := time.Now()
			for i, sig := range tc.signals {
				eventually(t, "the signal before is noticed", func() bool { return p.logged("shutting down") == min(i, 1) })
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

func TestStopRightAfterTheStart(t *testing.T) {
	for range 3 {
		p := serveWatched(t, serving(dbtest.URL(t, db.SQLite)))
		p.stop()
	}
}
