package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
)

// L1, L2: many clients that send or read one byte per second, against the real timeouts of
// a connection. The server closes all of them when their timeout ends, and with them the
// open files. Other clients meanwhile wait no longer than at a second server without slow
// clients. SLOW_CLIENTS sets the number of slow clients. With IN_EARNEST the kinds of slow
// clients run one after the other, and the 99th percentile of other requests is less than
// doubled. Otherwise all kinds run at once, in parallel with other tests.
func TestConnections_SlowCrowdsAreClosed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts open files in /proc")
	}
	const header = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
	crowds := map[string]slowCrowd{
		"slow headers": {begin: header + "X-Slow: ", drip: "a", within: 6 * time.Second},
		"slow bodies":  {begin: login + "Content-Length: 60000\r\n\r\n{", drip: " ", within: readTimeout + time.Second},
		"slow readers": {begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 100), reads: true, within: allClosedWithin},
		"idle":         {begin: header + "\r\n", within: allClosedWithin},
	}
	size, pause := envInt(t, "SLOW_CLIENTS", 100), 10*time.Millisecond
	if !inEarnest {
		t.Parallel() // mostly waits
		pause = 200 * time.Millisecond
	}
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		if !inEarnest {
			t.Parallel()
		}
		quiet := serve(t, measuredSettings(url))
		c := newClient(t, quiet.url)
		cookie, err := c.login(c.register(t))
		if err != nil || cookie == "" {
			t.Fatal(err)
		}
		for name, crowd := range crowds {
			t.Run(name, func(t *testing.T) {
				if !inEarnest {
					t.Parallel()
				}
				// The shipped program: the race detector would change the times.
				p := serve(t, measuredSettings(url))
				other := profileClient{t: t, cookie: cookie}
				p.fillPool(&other)
				before := p.files()
				crowd.connect(t, p.url, size)
				eventually(t, "most slow clients are connected", func() bool { return p.files()-before > size*9/10 })
				began := time.Now() // the last client is connected
				var crowded, alone []time.Duration
				for n := 0; p.files() > before; n++ {
					if held := time.Since(began); held > crowd.within {
						t.Fatalf("%d of %d connections are still open after %s", p.files()-before, size, held)
					}
					// The first request after a pause is slower, so the servers take turns.
					if n%2 == 0 {
						alone = append(alone, other.responseTime(quiet.url))
					}
					crowded = append(crowded, other.responseTime(p.url))
					if n%2 == 1 {
						alone = append(alone, other.responseTime(quiet.url))
					}
					time.Sleep(pause)
				}
				compareTimes(t, alone, crowded)
				t.Logf("%d connections were closed after %s", size, time.Since(began).Round(time.Millisecond))
			})
		}
	})
}

// allClosedWithin bounds the time until all connections of slow clients are closed.
const allClosedWithin = 70 * time.Second

// A slowCrowd describes the behaviour of slow clients.
type slowCrowd struct {
	begin, drip string        // what a client sends first, and then once per second
	reads       bool          // reads one byte of the responses per second
	within      time.Duration // time until the server closes all connections
}

// connect opens the connections and keeps sending until the test ends.
func (s slowCrowd) connect(t *testing.T, server string, size int) {
	t.Helper()
	slow := make([]net.Conn, size)
	for i := range slow {
		c := dial(t, server)
		slow[i] = c
		if s.reads {
			// Otherwise the kernel buffers what the client does not read.
			_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		_ = c.SetDeadline(time.Time{})
		go func() { _, _ = io.WriteString(c, s.begin) }() // fails if the server closes early
	}
	var dripping sync.WaitGroup
	ended := make(chan struct{})
	dripping.Go(func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
			case <-ended:
				return
			}
			for _, c := range slow {
				_, _ = io.WriteString(c, s.drip)
				if s.reads {
					_, _ = c.Read(make([]byte, 1))
				}
			}
		}
	})
	t.Cleanup(func() {
		close(ended)
		for _, c := range slow {
			_ = c.Close() // ends a pending read
		}
		dripping.Wait()
	})
}

// compareTimes compares response times with and without slow clients.
func compareTimes(t *testing.T, alone, crowded []time.Duration) {
	t.Helper()
	if len(alone) == 0 || len(crowded) == 0 {
		t.Fatal("the slow clients were closed before the first request")
	}
	of := func(took []time.Duration, percent int) time.Duration {
		slices.Sort(took)
		return took[len(took)*percent/100].Round(time.Microsecond)
	}
	t.Logf("%d requests: p50 %s (%s without slow clients), p99 %s (%s)",
		len(crowded), of(crowded, 50), of(alone, 50), of(crowded, 99), of(alone, 99))
	if inEarnest && of(crowded, 99) >= 2*of(alone, 99) {
		t.Errorf("p99 is %s, and %s without slow clients", of(crowded, 99), of(alone, 99))
	}
}

// A profileClient requests a profile, each time on a new connection, because an idle one
// would reach its timeout.
type profileClient struct {
	t      *testing.T
	cookie string
}

// responseTime returns how long the response took.
func (v profileClient) responseTime(server string) time.Duration {
	v.t.Helper()
	begin := time.Now()
	c := dial(v.t, server)
	defer func() { _ = c.Close() }()
	request := "GET /auth/profile HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + v.cookie + "\r\n\r\n"
	c.send(request)
	got, err := c.answer()
	took := time.Since(begin)
	if err != nil || !got.is(http.StatusOK) {
		v.t.Fatalf("%s, %v", got, err)
	}
	got.verify(v.t, request)
	return took
}

// fillPool makes the server open all connections of its database pool, which then stay
// open.
func (p *process) fillPool(v *profileClient) {
	var requests sync.WaitGroup
	for range 32 {
		requests.Go(func() {
			for range 8 {
				c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
				if err != nil {
					continue
				}
				_, _ = io.WriteString(c, "GET /auth/profile HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: "+v.cookie+"\r\n\r\n")
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}
		})
	}
	requests.Wait()
}

// files returns the number of open files of the process.
func (p *process) files() int {
	p.t.Helper()
	open, err := os.ReadDir(p.proc("fd"))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}
