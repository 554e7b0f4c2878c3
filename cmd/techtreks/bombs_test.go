package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/contract/contracttest"
)

// A bomb is a request that asks for far more than it gives.
type bomb struct {
	request string
	status  int
	within  time.Duration
	growth  int // of the server, in bytes
}

// bombs are those of L4, L5 and L16. What they carry is the session of an
// administrator, for the operations that would read it all.
func bombs(t *testing.T, session string) map[string]bomb {
	t.Helper()
	// A MiB after the other, each compressed by itself: that is one file as well (RFC 1952, 2.2).
	var mebibyte bytes.Buffer
	z := gzip.NewWriter(&mebibyte)
	if _, err := z.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	zipped := bytes.Repeat(mebibyte.Bytes(), 64)
	if len(zipped) > 128<<10 {
		t.Fatalf("%d bytes", len(zipped))
	}
	const tooLarge = 64<<10 + 1
	return map[string]bomb{
		"OneByteTooMuch": {login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", tooLarge, strings.Repeat(" ", tooLarge)), 413, 50 * time.Millisecond, 5 << 20},
		"Gibibyte":       {login + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat(" ", 256<<10), 413, 50 * time.Millisecond, 5 << 20},
		"Chunks":         {login + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", 8<<10, strings.Repeat(" ", 8<<10)), 32), 413, 50 * time.Millisecond, 5 << 20},
		"GzipBomb":       {login + fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(zipped), zipped), 415, 50 * time.Millisecond, 5 << 20},
		// L5: what it takes is the stack of the 10,000 levels that are read of it.
		"Nesting":         {login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 60<<10, strings.Repeat("[", 60<<10)), 400, 10 * time.Millisecond, 24 << 20},
		"Cookies":         {getBytes("/auth/profile", "Cookie: "+session+strings.Repeat("; a=b", tooManyCookies)), 401, 50 * time.Millisecond, 5 << 20},
		"CookiesNoEnd":    {getBytes("/auth/profile", "Cookie: "+session+strings.Repeat("; a=b", 100_000)), 431, 50 * time.Millisecond, 5 << 20},
		"Parameters":      {getBytes("/auth/admin/users?role=admin"+strings.Repeat("&", tooManyParameters), "Cookie: "+session), 400, 50 * time.Millisecond, 5 << 20},
		"ParametersNoEnd": {getBytes("/auth/admin/users?role=admin"+strings.Repeat("&a=b", 100_000), "Cookie: "+session), 431, 50 * time.Millisecond, 5 << 20},
	}
}

// What net/http counts of cookies and net/url of parameters, and one more: all of
// them are dropped then.
const (
	tooManyCookies    = 3_000 // and the session's
	tooManyParameters = 10_000
)

// getBytes is a request as it is sent.
func getBytes(target, header string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n"
}

// throw sends a bomb that must be refused, and returns how long that took.
func (b bomb) throw(t *testing.T, server string) time.Duration {
	t.Helper()
	c := dial(t, server)
	defer func() { _ = c.Close() }()
	begin := time.Now()
	go func() { _, _ = c.Write([]byte(b.request)) }() // it may be stopped in the middle
	// Some bodies end with the connection, which waits for those who still write.
	got, err := http.ReadResponse(c.in, nil)
	took := time.Since(begin)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != b.status {
		t.Fatalf("%s, want %d", got.Status, b.status)
	}
	if b.status != http.StatusRequestHeaderFieldsTooLarge { // net/http's own
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		contracttest.Verify(t, theContract(), b.request, got.StatusCode, got.Header, body)
	}
	// A bomb in gzip has been read whole, so that nobody doubts where the next request begins.
	if tooLarge := b.status == 413 || b.status == 431; tooLarge != got.Close {
		t.Errorf("the connection is closed: %v, after %s", got.Close, got.Status)
	}
	return took
}

// What the server takes from the system hardly grows by a bomb. In earnest it is
// refused at once, too: 19 of 20 answers, for the odd one waits for the processor.
func TestWireBombsCostLittle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads the memory of a process in /proc")
	}
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		p := serve(t, measured(url))
		_, session := p.admin(t, url)
		long, _ := json.Marshal(map[string]string{"username": "alice", "password": strings.Repeat("x", 60<<10)})
		for range 200 { // what a server needs that works, on the largest requests that there can be
			bomb{request: getBytes("/auth/admin/users?role=admin", "Cookie: "+session), status: 200}.throw(t, p.url)
			bomb{request: login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long), long), status: 400}.throw(t, p.url)
		}
		for name, b := range bombs(t, session) {
			t.Run(name, func(t *testing.T) {
				p.forgetPeak()
				before := p.memory("VmRSS")
				took := make([]time.Duration, 50)
				for i := range took {
					took[i] = b.throw(t, p.url)
				}
				grown := p.memory("VmHWM") - before
				slices.Sort(took)
				p95 := took[len(took)*95/100]
				t.Logf("half within %s, 95 of 100 within %s, the longest %s; %d KiB at the most", took[len(took)/2], p95, took[len(took)-1], grown>>10)
				if grown >= b.growth {
					t.Errorf("the server has grown by %d KiB", grown>>10)
				}
				if inEarnest && p95 >= b.within {
					t.Errorf("95 of 100 answers took up to %s", p95)
				}
			})
		}
		p.stop()
	})
}

// What one bomb makes the server allocate is a matter of kilobytes. TotalAlloc
// only grows, so that a collection in between hides nothing.
func TestWireBombsAllocateLittle(t *testing.T) {
	eachHandler(t, func(t *testing.T, handler http.Handler, d *db.DB) {
		w := newWeb(t, handler, func(*http.Server) {})
		_, session := newAdmin(t, w.url, d)
		for name, b := range bombs(t, session) {
			t.Run(name, func(t *testing.T) {
				const n, most = 50, 1 << 20
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for range n {
					b.throw(t, w.url)
				}
				runtime.ReadMemStats(&after)
				perRequest := (after.TotalAlloc - before.TotalAlloc) / n
				if perRequest > most {
					t.Errorf("%d bytes allocated for one request", perRequest)
				}
				t.Logf("%d KiB allocated for one request, client included", perRequest>>10)
			})
		}
	})
}

// admin makes an administrator, who is logged in.
func (p *process) admin(t *testing.T, url string) (account, string) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	return newAdmin(t, p.url, d)
}

func newAdmin(t *testing.T, server string, d *db.DB) (account, string) {
	t.Helper()
	c := newClient(t, server)
	a := c.register(t)
	if _, err := d.ExecContext(t.Context(), "UPDATE users SET role = 'admin' WHERE username = $1", a.name); err != nil {
		t.Fatal(err)
	}
	cookie, err := c.login(a)
	if err != nil || cookie == "" {
		t.Fatalf("no administrator: %v", err)
	}
	return a, cookie
}

// forgetPeak has VmHWM begin anew.
func (p *process) forgetPeak() {
	p.t.Helper()
	if err := os.WriteFile(p.proc("clear_refs"), []byte("5"), 0); err != nil {
		p.t.Fatal(err)
	}
}

// memory is what the process has of the system's, in bytes: VmRSS now, VmHWM at
// the most.
func (p *process) memory(what string) int {
	p.t.Helper()
	status, err := os.ReadFile(p.proc("status"))
	if err != nil {
		p.t.Fatal(err)
	}
	found := regexp.MustCompile(what + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		p.t.Fatalf("no %s in\n%s", what, status)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return kib << 10
}
