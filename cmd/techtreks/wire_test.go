package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/db"
)

const login = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

// next follows a request with an ambiguous end. It must not get a response, because
// another parser may take these bytes for a part of the body.
const next = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Next: 1\r\n\r\n"

// The server rejects a body that is too large before it reads it. It closes the connection
// after a message with an ambiguous end.
func TestWire_RejectsLargeAndAmbiguousRequests(t *testing.T) {
	const tooLarge = 64<<10 + 1
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 8<<10, strings.Repeat(" ", 8<<10))
	cases := map[string]struct {
		request string
		status  int
		code    string // of the body; empty if net/http answers
	}{
		"header over 16 kib":               {"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", 431, ""},
		"too many headers":                 {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Many: a\r\n", 4000) + "\r\n", 431, ""},
		"too many cookies":                 {"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("a=b; ", 100_000) + "\r\n\r\n", 431, ""},
		"too many parameters":              {"GET /?" + strings.Repeat("a=b&", 100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, ""},
		"target over 16 kib":               {"GET /" + strings.Repeat("a", 32<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, ""},
		"body over 64 kib":                 {login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", tooLarge, strings.Repeat(" ", tooLarge)), 413, "body_too_large"},
		"announced body over 64 kib":       {login + fmt.Sprintf("Content-Length: %d\r\n\r\n", tooLarge), 413, "body_too_large"},
		"announced gibibyte":               {login + "Content-Length: 1073741824\r\n\r\n{", 413, "body_too_large"},
		"gibibyte with expect":             {login + "Expect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n", 413, "body_too_large"},
		"endless chunks":                   {login + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 9), 413, "body_too_large"},
		"endless gzip":                     {login + "Content-Encoding: gzip\r\nContent-Length: 1073741824\r\n\r\n", 415, "unsupported_media_type"},
		"two lengths":                      {login + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + next, 400, ""},
		"list of lengths":                  {login + "Content-Length: 2, 40\r\n\r\n{}" + next, 400, ""},
		"negative length":                  {login + "Content-Length: -1\r\n\r\n{}" + next, 400, ""},
		"length with sign":                 {login + "Content-Length: +2\r\n\r\n{}" + next, 400, ""},
		"length and chunks":                {login + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"chunked twice":                    {login + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"other encoding":                   {login + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"misspelled encoding":              {login + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"encoding in quotes":               {login + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"encoding and another":             {login + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"two encoding headers":             {login + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"encoding with parameter":          {login + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"encoding in http 1.0":             {strings.Replace(login, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"length and encoding in http 1.0":  {strings.Replace(login, "1.1", "1.0", 1) + "Connection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"encoding after a tab":             {login + "Transfer-Encoding:\tchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"folded encoding":                  {login + "Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"encoding after line feed":         {login + "X-Broken: a\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"encoding after vertical tab":      {login + "Transfer-Encoding:\vchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, ""},
		"encoding name with tab":           {login + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n" + next, 400, ""},
		"folded length":                    {login + "Content-Length: 2\r\n 0\r\n\r\n{}" + next, 400, ""},
		"length after line feed":           {login + "Content-Length: 2\r\nX-Broken: a\nContent-Length: 40\r\n\r\n{}" + next, 400, ""},
		"folded first header":              {"GET /healthz HTTP/1.1\r\n X-Broken: a\r\nHost: x\r\n\r\n" + next, 400, ""},
		"line feed in header":              {"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Broken: a\nb\r\n\r\n" + next, 400, ""},
		"line feed after chunk size":       {login + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"line feed in chunk extension":     {login + "Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"line feed after chunk":            {login + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n" + next, 400, "malformed_body"},
		"carriage return after chunk size": {login + "Transfer-Encoding: chunked\r\n\r\n2\r{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"chunk size with sign":             {login + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"chunk size with 0x":               {login + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"space before colon":               {login + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + next, 400, ""},
		"complete body in chunks":          {login + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"invalid chunk size":               {login + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"chunk longer than its size":       {login + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"huge chunk size":                  {login + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"carriage return in header":        {"GET / HTTP/1.1\r\nHost: x\r\nX-Broken: a\rb\r\n\r\n" + next, 400, ""},
		"nul in header":                    {"GET / HTTP/1.1\r\nHost: x\r\nX-Broken: a\x00b\r\n\r\n" + next, 400, ""},
		"no host":                          {"GET / HTTP/1.1\r\n\r\n" + next, 400, ""},
		"two hosts":                        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + next, 400, ""},
		"http 2 without tls":               {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + next, 404, "not_found"},
		"not http":                         {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" + next, 400, ""},
	}
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		// After a rejection the server reads on for this long, so that a client that is
		// still writing can read the response.
		w := newTestServer(t, handler, func(h *http.Server) { h.ReadTimeout = time.Second })
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // some wait for the read timeout
				c := dial(t, w.url)
				go func() { _, _ = c.Write([]byte(tc.request)) }() // fails if the server closes early
				got, err := c.answer()
				if err != nil || !got.is(tc.status) || tc.code != "" && got.member("code") != tc.code {
					t.Fatalf("%s, %v; want %d %s", got, err, tc.status, tc.code)
				}
				if tc.code == "" && (!rejectedByNetHTTP.Match(got.body) || got.header.Get("Content-Type") != "text/plain; charset=utf-8") {
					t.Errorf("unknown response %q with header %q", got.body, got.header)
				}
				if got.header.Get("Connection") != "close" {
					t.Error("the connection stays open")
				}
				if second, err := c.answer(); err == nil {
					t.Errorf("the bytes after the request got a response: %s", second)
				}
			})
		}
	})
}

// rejectedByNetHTTP matches the responses of net/http to invalid HTTP. They do not reach a
// handler, so the contract does not describe them.
var rejectedByNetHTTP = regexp.MustCompile(`^(400 Bad Request(: [a-zA-Z -]+)?|431 Request Header Fields Too Large|Unsupported transfer encoding)$`)

// After a rejected request with an unambiguous end, the connection serves further requests.
func TestWire_KeepsConnectionAfterUnambiguousRejection(t *testing.T) {
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		c := dial(t, newTestServer(t, handler, func(*http.Server) {}).url)
		for _, tc := range []struct {
			request string
			status  int
		}{
			{login + "Content-Length: 2\r\n\r\n{}", 400},
			{login + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
			{login + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb", 415},
			// The server supports no upgrade, so it ignores the header (RFC 9110, 7.8).
			{"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n", 200},
			{"TRACE /auth/login HTTP/1.1\r\nHost: x\r\n\r\n", 405},
			{"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405},
			{"OPTIONS /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 204},
			// RFC 9112 allows a server to accept these (2.2, 5.2): a single line feed ends a
			// line, and a folded header is one header.
			{"GET /healthz HTTP/1.1\nHost: x\n\n", 200},
			{"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Broken: a\nX-Whole: b\r\n\r\n", 200},
			{"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Broken: a\r\n b\r\n\r\n", 200},
			{next, 200},
		} {
			c.send(tc.request)
			got, err := c.answer()
			if err != nil || !got.is(tc.status) {
				t.Fatalf("%q: %s, %v", tc.request, got, err)
			}
		}
	})
}
