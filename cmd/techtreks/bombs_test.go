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

// A bomb is a small request that would be expensive to process in full.
type bomb struct {
	request string
	status  int
	within  time.Duration
	growth  int // limit for the growth of the server, in bytes
}

// bombs returns the requests of L4, L5 and L16. They have the session of an administrator,
// so that access checks do not reject them.
func bombs(t *testing.T, session string) map[string]bomb {
	t.Helper()
	// Each MiB is compressed separately. Concatenated members are one gzip file (RFC 1952, 2.2).
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
		"one byte over the limit": {login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", tooLarge, strings.Repeat(" ", tooLarge)), 413, 50 * time.Millisecond, 5 << 20},
		"one gibibyte":            {login + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat(" ", 256<<10), 413, 50 * time.Millisecond, 5 << 20},
		"endless chunks":          {login + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", 8<<10, strings.Repeat(" ", 8<<10)), 32), 413, 50 * time.Millisecond, 5 << 20},
		"gzip bomb":               {login + fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(zipped), zipped), 415, 50 * time.Millisecond, 5 << 20},
		// L5: the growth is the stack for the 10,000 levels that the parser reads.
		"deep nesting":                     {login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 60<<10, strings.Repeat("[", 60<<10)), 400, 10 * time.Millisecond, 24 << 20},
		"too many cookies":                 {getBytes("/auth/profile", "Cookie: "+session+strings.Repeat("; a=b", tooManyCookies)), 401, 50 * time.Millisecond, 5 << 20},
		"cookies over the header limit":    {getBytes("/auth/profile", "Cookie: "+session+strings.Repeat("; a=b", 100_000)), 431, 50 * time.Millisecond, 5 << 20},
		"too many parameters":              {getBytes("/auth/admin/users?role=admin"+strings.Repeat("&", tooManyParameters), "Cookie: "+session), 400, 50 * time.Millisecond, 5 << 20},
		"parameters over the header limit": {getBytes("/auth/admin/users?role=admin"+strings.Repeat("&a=b", 100_000), "Cookie: "+session), 431, 50 * time.Millisecond, 5 << 20},
	}
}

// One more cookie than net/http accepts, and one more parameter than net/url accepts. Both
// then drop all of them.
const (
	tooManyCookies    = 3_000 // in addition to the session
	tooManyParameters = 10_000
)

// getBytes returns the bytes of a GET request.
func getBytes(target, header string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n"
}

// send sends the request, checks the response and returns the response time.
func (b bomb) send(t *testing.T, server string) time.Duration {
	t.Helper()
	c := dial(t, server)
	defer func() { _ = c.Close() }()
	begin := time.Now()
	go func() { _, _ = c.Write([]byte(b.request)) }() // fails if the server closes early
	// The time ends here: some bodies end with the connection, which waits for slow writers.
	got, err := http.ReadResponse(c.in, nil)
	took := time.Since(begin)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != b.status {
		t.Fatalf("%s, want %d", got.Status, b.status)
	}
	if b.status != http.StatusRequestHeaderFieldsTooLarge { // from net/http
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		contracttest.Verify(t, theContract(), b.request, got.StatusCode, got.Header, body)
	}
	// The gzip bomb was read in full, so that the next request begins at a certain byte.
	if tooLarge := b.status == 413 || b.status == 431; tooLarge != got.Close {
		t.Errorf("the connection is closed: %v, after %s", got.Close, got.Status)
	}
	return took
}

// A bomb hardly increases the memory of the server. With IN_EARNEST, 95 % of the responses
// must also be fast.
func TestWire_BombsCostLittle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads the memory of a process in /proc")
	}
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		p := serve(t, measuredSettings(url))
		_, session := p.admin(t, url)
		long, _ := json.Marshal(map[string]string{"username": "alice", "password": strings.Repeat("x", 60<<10)})
		for range 200 { // reach the working size, with the largest valid requests
			bomb{request: getBytes("/auth/admin/users?role=admin", "Cookie: "+session), status: 200}.send(t, p.url)
			bomb{request: login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long), long), status: 400}.send(t, p.url)
		}
		for name, b := range bombs(t, session) {
			t.Run(name, func(t *testing.T) {
				p.resetPeak()
				before := p.memory("VmRSS")
				took := make([]time.Duration, 50)
				for i := range took {
					took[i] = b.send(t, p.url)
				}
				grown := p.memory("VmHWM") - before
				slices.Sort(took)
				p95 := took[len(took)*95/100]
				t.Logf("p50 %s, p95 %s, max %s; %d KiB at most", took[len(took)/2], p95, took[len(took)-1], grown>>10)
				if grown >= b.growth {
					t.Errorf("the server grew by %d KiB", grown>>10)
				}
				if inEarnest && p95 >= b.within {
					t.Errorf("p95 is %s", p95)
				}
			})
		}
		p.stop()
	})
}

// The server allocates less than a MiB for one bomb. TotalAlloc never decreases, so a
// garbage collection hides nothing.
func TestWire_BombsAllocateLittle(t *testing.T) {
	eachHandler(t, func(t *testing.T, handler http.Handler, d *db.DB) {
		w := newTestServer(t, handler, func(*http.Server) {})
		_, session := newAdmin(t, w.url, d)
		for name, b := range bombs(t, session) {
			t.Run(name, func(t *testing.T) {
				const n, most = 50, 1 << 20
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for range n {
					b.send(t, w.url)
				}
				runtime.ReadMemStats(&after)
				perRequest := (after.TotalAlloc - before.TotalAlloc) / n
				if perRequest > most {
					t.Errorf("%d bytes allocated per request", perRequest)
				}
				t.Logf("%d KiB allocated per request, including the client", perRequest>>10)
			})
		}
	})
}

// admin creates an administrator and returns the account and its session cookie.
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
		t.Fatalf("the administrator cannot log in: %v", err)
	}
	return a, cookie
}

// resetPeak resets VmHWM, the peak memory of the process.
func (p *process) resetPeak() {
	p.t.Helper()
	if err := os.WriteFile(p.proc("clear_refs"), []byte("5"), 0); err != nil {
		p.t.Fatal(err)
	}
}

// memory returns the resident memory in bytes: VmRSS is the current value, VmHWM the peak.
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
