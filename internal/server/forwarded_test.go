package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

// spoofs are the headers that proxies, and clients that pretend to be one, use to name the origin
// of a request.
var spoofs = []string{
	"X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip", "Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip",
	"X-Appengine-Remote-Addr", "Fly-Client-Ip", "X-Cluster-Client-Ip", "X-Originating-Ip", "X-Remote-Addr", "Via",
}

// By default, gin trusts X-Forwarded-For from every client. A client that guesses passwords
// would have a new address for each attempt (gin CVE-2020-28483).
func TestClientIP_IgnoresHeadersOfUntrustedClients(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		for _, name := range spoofs {
			for _, value := range []string{"203.0.113.9", "203.0.113.9, 127.0.0.1", "for=203.0.113.9", "::1", "rubbish"} {
				if got := loggedIP(b, apptest.Header(name, value)); got != "127.0.0.1" {
					t.Errorf("%s: %s: got client %q, want 127.0.0.1", name, value, got)
				}
			}
		}
	})
}

// A proxy appends the address of its peer on the right. The client wrote everything to the left
// of the last address that is not a trusted proxy.
func TestClientIP_ComesFromTrustedProxies(t *testing.T) {
	tests := map[string]struct {
		forwardedFor []string // one header line each
		want         string
	}{
		"one":                            {[]string{"203.0.113.9"}, "203.0.113.9"},
		"right-most":                     {[]string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"right-most that is not a proxy": {[]string{"198.51.100.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		"proxy in another spelling":      {[]string{"198.51.100.1, 203.0.113.9, ::ffff:10.1.2.3"}, "203.0.113.9"},
		// HAProxy adds a second line below the line of the client.
		"line of the client":             {[]string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		"many lines of the client":       {[]string{"10.0.0.1", "198.51.100.1", "127.0.0.1", "203.0.113.9"}, "203.0.113.9"},
		"client pretends to be a proxy":  {[]string{"10.9.9.9, 203.0.113.9"}, "203.0.113.9"},
		"IPv4 in IPv6":                   {[]string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"IPv4 in IPv6, in hexadecimal":   {[]string{"::FFFF:CB00:7109"}, "203.0.113.9"},
		"upper case":                     {[]string{"2001:DB8::A"}, "2001:db8::a"},
		"written out":                    {[]string{"2001:0db8:0000:0000:0000:0000:0000:000a"}, "2001:db8::a"},
		"spaces":                         {[]string{"  2001:db8:0::a  "}, "2001:db8::a"},
		"rubbish on the left":            {[]string{"unknown, <script>, 203.0.113.9"}, "203.0.113.9"},
		"nothing but proxies":            {[]string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"no header":                      {nil, "127.0.0.1"},
		"empty":                          {[]string{""}, "127.0.0.1"},
		"commas":                         {[]string{",,,"}, "127.0.0.1"},
		"rubbish":                        {[]string{"unknown"}, "127.0.0.1"},
		"rubbish on the right":           {[]string{"203.0.113.9, unknown"}, "127.0.0.1"},
		"a port":                         {[]string{"203.0.113.9:4711"}, "127.0.0.1"},
		"brackets":                       {[]string{"[2001:db8::a]"}, "127.0.0.1"},
		"a zone":                         {[]string{"fe80::a%eth0"}, "127.0.0.1"},
		"leading zeros, which are octal": {[]string{"0313.0.0161.011"}, "127.0.0.1"},
		"a number":                       {[]string{"3405803785"}, "127.0.0.1"},
		"a range":                        {[]string{"203.0.113.0/24"}, "127.0.0.1"},
		"10 KiB":                         {[]string{strings.Repeat("203.0.113.9", 1000)}, "127.0.0.1"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		for name, test := range apptest.InOrder(tests) {
			got := loggedIP(b, func(r *http.Request) {
				r.Header["X-Forwarded-For"] = test.forwardedFor
				// Only X-Forwarded-For counts, which proxies must set.
				for _, other := range spoofs[1:] {
					r.Header.Set(other, "198.51.100.77")
				}
			})
			if got != test.want {
				t.Errorf("%s: %q: got client %q, want %q", name, test.forwardedFor, got, test.want)
			}
		}
	}, apptest.TrustLoopback)
}

// A host is one client in every spelling of its address. Otherwise it would have one limit per
// spelling (better-auth CVE-2026-45364).
func TestClientIP_HasOneSpelling(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.InProcess()
		b.Register("alice")
		for peer, want := range apptest.InOrder(map[string]string{
			"192.0.2.1:1":            "192.0.2.1",
			"[::ffff:192.0.2.1]:1":   "192.0.2.1",
			"[::ffff:c000:201]:1":    "192.0.2.1",
			"[2001:DB8::0:1]:1":      "2001:db8::1",
			"[fe80::1%eth0]:1":       "fe80::1",
			"[fe80::2%25]:1":         "fe80::2",
			"[::ffff:192.0.2.1%x]:1": "192.0.2.1",
		}) {
			got := loggedIP(b, func(r *http.Request) { r.RemoteAddr = peer }, apptest.Header("X-Forwarded-For", "203.0.113.9"))
			if got != want {
				t.Errorf("%s: got client %q, want %q", peer, got, want)
			}
		}
	})
}

// Responses do not depend on the host name in the request: a link or a cookie domain made of it
// would belong to the attacker (cache poisoning, poisoned links in mail). Nor does a header turn
// a plain connection into a secure one.
func TestHostHeader_IsNotTrusted(t *testing.T) {
	for env, options := range map[string][]func(*config.Config){
		"development": {apptest.TrustLoopback}, "production": {apptest.Production, apptest.TrustLoopback, func(c *config.Config) { c.Docs = new(true) }},
	} {
		t.Run(env, func(t *testing.T) {
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				b := h.Browser()
				b.Register("alice")
				const evil = "evil.example"
				spoofed := []func(*http.Request){func(r *http.Request) { r.Host = evil }}
				for name, value := range apptest.InOrder(map[string]string{
					"X-Forwarded-Host": evil, "X-Host": evil, "X-Forwarded-Server": evil, "Forwarded": "host=" + evil + ";proto=https",
					"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "Front-End-Https": "on", "X-Forwarded-Port": "666",
					"X-Forwarded-Prefix": "/" + evil, "X-Original-Url": "/auth/profile", "X-Rewrite-Url": "/auth/profile",
				}) {
					spoofed = append(spoofed, apptest.Header(name, value))
				}
				for _, op := range append(h.Safe(), h.Contract.Operation("login")) {
					if strings.HasPrefix(op.Path, "/dev/") {
						continue // depends on the host name: TestPreviewedMail_IsLocalAndOnlyInDevelopment
					}
					path, body := h.Sample(op)
					plain := apptest.StableParts(b.Call(op.Method, path, body))
					for _, edit := range spoofed {
						if a := b.Call(op.Method, path, body, edit); apptest.StableParts(a) != plain || strings.Contains(string(a.Body), evil) {
							t.Errorf("%s: got\n%s\nwant, as without the header,\n%s", a.What, apptest.StableParts(a), plain)
						}
					}
				}
			}, options...)
		})
	}
}

// Behind a proxy that is not in TRUSTED_PROXIES, all users are one client. The server reports
// that once in the log, in readiness and in a metric, and nowhere else.
func TestUntrustedProxy_IsReported(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		warned := func() int { return strings.Count(h.Logs.String(), "TRUSTED_PROXIES does not name") }
		ready := func() string { return string(b.Call("GET", "/readyz", nil).Want(200, "").Body) }
		if ready(); warned() != 0 || strings.Contains(ready(), "warnings") {
			t.Error("got a warning before the first forwarded request")
		}
		for range 3 {
			b.Call("GET", "/healthz", nil, apptest.Header("X-Forwarded-For", "203.0.113.9")).Want(200, "")
		}
		if n := warned(); n != 1 {
			t.Errorf("got %d warnings, want 1", n)
		}
		if !strings.Contains(ready(), `"warnings":["forwarded_for_ignored"]`) {
			t.Errorf("got readiness %s, want the warning", ready())
		}
		h.Clock.Advance(11 * time.Minute)
		if strings.Contains(ready(), "warnings") {
			t.Errorf("got readiness %s after 11 minutes, want no warning", ready())
		}
	})
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("GET", "/healthz", nil, apptest.Header("X-Forwarded-For", "203.0.113.9")).Want(200, "")
		if got := string(b.Call("GET", "/readyz", nil).Body); strings.Contains(got, "warnings") || strings.Contains(h.Logs.String(), "TRUSTED_PROXIES") {
			t.Errorf("trusted proxy: got readiness %s, want no warning", got)
		}
	}, apptest.TrustLoopback)
}

// loggedIP logs in as alice and returns the client address in the log. It fails the test
// unless her session has the same address.
func loggedIP(b *apptest.Browser, edit ...func(*http.Request)) string {
	h := b.H
	h.T.Helper()
	h.Exec("DELETE FROM sessions")
	b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, edit...).Want(200, "")
	lines := h.Logs.Requests(h.T)
	logged, _ := lines[len(lines)-1]["ip"].(string)
	if stored := h.Query("SELECT ip FROM sessions")[0]["ip"]; stored != logged {
		h.T.Errorf("client address: session %q, log %q", stored, logged)
	}
	return logged
}
