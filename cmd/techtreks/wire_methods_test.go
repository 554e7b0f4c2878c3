package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
)

// ASVS 5.0.0-4.1.4, 13.4.4: a path supports only the methods of the contract. The test
// writes raw requests, because net/http cannot send all of them, such as CONNECT to a
// tunnel.
func TestWire_SupportsOnlyMethodsOfTheContract(t *testing.T) {
	declared := map[string][]string{}
	for _, op := range theContract().Operations {
		declared[op.Path] = append(declared[op.Path], op.Method)
		if op.Method == http.MethodGet {
			declared[op.Path] = append(declared[op.Path], http.MethodHead)
		}
	}
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		c := dial(t, newTestServer(t, handler, func(*http.Server) {}).url)
		refused := func(method, target string, status int, code string) *answer {
			c.send(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target))
			got, err := c.answerTo(method)
			if err != nil {
				t.Fatalf("%s %s: %v", method, target, err)
			}
			var inBody any = code
			if method == http.MethodHead {
				inBody = nil // there is no body
			}
			if !got.is(status) || got.member("code") != inBody || got.header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s %s: %s %q; want %d %s", method, target, got, got.header, status, code)
			}
			return got
		}
		for path, methods := range declared {
			allowed := slices.Sorted(slices.Values(append(slices.Clone(methods), http.MethodOptions)))
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY", "BREW"} {
				if slices.Contains(methods, method) {
					continue
				}
				got := refused(method, path, http.StatusMethodNotAllowed, "method_not_allowed")
				if allow := slices.Sorted(slices.Values(strings.Split(got.header.Get("Allow"), ", "))); !slices.Equal(allow, allowed) {
					t.Errorf("%s %s: Allow is %q, want %q", method, path, allow, allowed)
				}
			}
		}
		for _, elsewhere := range []string{"example.com:443", "127.0.0.1:1"} {
			refused("CONNECT", elsewhere, http.StatusNotFound, "not_found")
		}
	})
	if len(declared) < 30 {
		t.Errorf("only %d paths: %q", len(declared), slices.Sorted(maps.Keys(declared)))
	}
}
