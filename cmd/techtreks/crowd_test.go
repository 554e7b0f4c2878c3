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

// L1, L2: crowds of clients that do everything as slowly as they can, a byte a
// second, against the limits of a connection as they are. All of a crowd is let
// go of when its limit is over, and with it the open files. Whoever wants an
// answer meanwhile waits no longer than at a server, beside this one, that nobody
// crowds. SLOW_CLIENTS is the size of a crowd. In earnest one crowd comes after the
// other, and 99 of 100 requests take less than twice the time; otherwise the crowds
// come all at once, beside other tests.
func TestSlowCrowdsAreLetGo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts open files in /proc")
	}
	const header = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
	crowds := map[string]slowCrowd{
		"Headers": {begin: header + "X-Slow: ", drip: "a", within: 6 * time.Second},
		"Bodies":  {begin: login + "Content-Length: 60000\r\n\r\n{", drip: " ", within: readTimeout + time.Second},
		"Readers": {begin: strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 100), reads: true, within: filesBackWithin},
		"Idle":    {begin: header + "\r\n", within: filesBackWithin},
	}
	size, pause := numberFrom(t, "SLOW_CLIENTS", 100), 10*time.Millisecond
	if !inEarnest {
		t.Parallel() // they wait rather than work
		pause = 200 * time.Millisecond
	}
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		if !inEarnest {
			t.Parallel()
		}
		quiet := serve(t, measured(url))
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
				// As it ships: the time that is measured is not that of the race detector.
				p := serve(t, measured(url))
				someone := visitor{t: t, cookie: cookie}
				p.warm(&someone)
				before := p.files()
				crowd.enter(t, p.url, size)
				eventually(t, "most are connected at once", func() bool { return p.files()-before > size*9/10 })
				began := time.Now() // for the last of them
				var crowded, alone []time.Duration
				for n := 0; p.files() > before; n++ {
					if held := time.Since(began); held > crowd.within {
						t.Fatalf("%d of %d are still held after %s", p.files()-before, size, held)
					}
					// Whoever is asked first after the pause answers later: it is each in turn.
					if n%2 == 0 {
						alone = append(alone, someone.waits(quiet.url))
					}
					crowded = append(crowded, someone.waits(p.url))
					if n%2 == 1 {
						alone = append(alone, someone.waits(quiet.url))
					}
					time.Sleep(pause)
				}
				compareWaits(t, alone, crowded)
				t.Logf("%d were let go of after %s", size, time.Since(began).Round(time.Millisecond))
			})
		}
	})
}

// filesBackWithin is the longest that a crowd costs open files.
const filesBackWithin = 70 * time.Second

// A slowCrowd is how each client of it goes about it.
type slowCrowd struct {
	begin, drip string
	reads       bool          // a byte of the answers a second
	within      time.Duration // all of them are let go of
}

// enter connects them, and has them drip until the test ends.
func (s slowCrowd) enter(t *testing.T, server string, size int) {
	t.Helper()
	slow := make([]net.Conn, size)
	for i := range slow {
		c := dial(t, server)
		slow[i] = c
		if s.reads {
			// Or the kernel takes what the client does not.
			_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		_ = c.SetDeadline(time.Time{})
		go func() { _, _ = io.WriteString(c, s.begin) }() // it may be stopped in the middle
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
			_ = c.Close() // it may wait for a byte
		}
		dripping.Wait()
	})
}

// compareWaits holds what others waited against what they would have waited anyway.
func compareWaits(t *testing.T, alone, crowded []time.Duration) {
	t.Helper()
	if len(alone) == 0 || len(crowded) == 0 {
		t.Fatal("the crowd was gone before anybody was asked")
	}
	of := func(took []time.Duration, percent int) time.Duration {
		slices.Sort(took)
		return took[len(took)*percent/100].Round(time.Microsecond)
	}
	t.Logf("of %d requests half took %s (%s without a crowd), 99 of 100 %s (%s)",
		len(crowded), of(crowded, 50), of(alone, 50), of(crowded, 99), of(alone, 99))
	if inEarnest && of(crowded, 99) >= 2*of(alone, 99) {
		t.Errorf("99 of 100 requests took up to %s, %s without a crowd", of(crowded, 99), of(alone, 99))
	}
}

// A visitor asks for their profile, each time on a connection of its own: an idle
// one would meet the limit of those.
type visitor struct {
	t      *testing.T
	cookie string
}

// waits is how long the answer took.
func (v visitor) waits(server string) time.Duration {
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

// warm fills the pools of the database, whose files stay open.
func (p *process) warm(v *visitor) {
	var visits sync.WaitGroup
	for range 32 {
		visits.Go(func() {
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
	visits.Wait()
}

// files counts those that the process has open.
func (p *process) files() int {
	p.t.Helper()
	open, err := os.ReadDir(p.proc("fd"))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}
