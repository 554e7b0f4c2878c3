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

// next follows a request whose end is in doubt. It must not be answered: what
// one party takes for a body, another may take for this.
const next = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Next: 1\r\n\r\n"

// A body that is larger than any request needs is refused before it is read,
// and a message whose end is not certain ends the connection.
func TestWireRefuses(t *testing.T) {
	const tooLarge = 64<<10 + 1
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 8<<10, strings.Repeat(" ", 8<<10))
	cases := map[string]struct {
		request string
		status  int
		code    string // of the body, where it is ours
	}{
		"HeaderOver16KiB":              {"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", 431, ""},
		"ManyHeaders":                  {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Many: a\r\n", 4000) + "\r\n", 431, ""},
		"CookiesByThousands":           {"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("a=b; ", 100_000) + "\r\n\r\n", 431, ""},
		"ParametersByThousands":        {"GET /?" + strings.Repeat("a=b&", 100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, ""},
		"AddressOver16KiB":             {"GET /" + strings.Repeat("a", 32<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, ""},
		"BodyOver64KiB":                {login + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", tooLarge, strings.Repeat(" ", tooLarge)), 413, "body_too_large"},
		"BodyOver64KiBToCome":          {login + fmt.Sprintf("Content-Length: %d\r\n\r\n", tooLarge), 413, "body_too_large"},
		"GibibyteToCome":               {login + "Content-Length: 1073741824\r\n\r\n{", 413, "body_too_large"},
		"GibibyteAskedFor":             {login + "Expect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n", 413, "body_too_large"},
		"EndlessChunks":                {login + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 9), 413, "body_too_large"},
		"EndlessGzip":                  {login + "Content-Encoding: gzip\r\nContent-Length: 1073741824\r\n\r\n", 415, "unsupported_media_type"},
		"TwoLengths":                   {login + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + next, 400, ""},
		"ListOfLengths":                {login + "Content-Length: 2, 40\r\n\r\n{}" + next, 400, ""},
		"NegativeLength":               {login + "Content-Length: -1\r\n\r\n{}" + next, 400, ""},
		"LengthWithSign":               {login + "Content-Length: +2\r\n\r\n{}" + next, 400, ""},
		"LengthAndChunks":              {login + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"ChunksTwice":                  {login + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"OtherEncoding":                {login + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"EncodingInDisguise":           {login + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"EncodingInQuotes":             {login + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"EncodingAndMore":              {login + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"EncodingTwice":                {login + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"EncodingWithParameter":        {login + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" + next, 501, ""},
		"EncodingOfHTTP10":             {strings.Replace(login, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"LengthAndEncodingOfHTTP10":    {strings.Replace(login, "1.1", "1.0", 1) + "Connection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"EncodingAfterATab":            {login + "Transfer-Encoding:\tchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"EncodingFolded":               {login + "Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"EncodingAfterLineFeed":        {login + "X-Broken: a\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"EncodingAfterVT":              {login + "Transfer-Encoding:\vchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, ""},
		"EncodingNameWithTab":          {login + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n" + next, 400, ""},
		"LengthFolded":                 {login + "Content-Length: 2\r\n 0\r\n\r\n{}" + next, 400, ""},
		"LengthAfterLineFeed":          {login + "Content-Length: 2\r\nX-Broken: a\nContent-Length: 40\r\n\r\n{}" + next, 400, ""},
		"FoldedFirstHeader":            {"GET /healthz HTTP/1.1\r\n X-Broken: a\r\nHost: x\r\n\r\n" + next, 400, ""},
		"LineFeedInHeader":             {"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Broken: a\nb\r\n\r\n" + next, 400, ""},
		"LineFeedAfterChunkSize":       {login + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"LineFeedInChunkExtension":     {login + "Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"LineFeedAfterChunk":           {login + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n" + next, 400, "malformed_body"},
		"CarriageReturnAfterChunkSize": {login + "Transfer-Encoding: chunked\r\n\r\n2\r{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"ChunkSizeWithSign":            {login + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"ChunkSizeIn0x":                {login + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"SpaceBeforeColon":             {login + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + next, 400, ""},
		"WholeInChunks":                {login + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + next, 400, "missing_fields"},
		"BadChunkSize":                 {login + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"ChunkLongerThanSaid":          {login + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"HugeChunkSize":                {login + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n" + next, 400, "malformed_body"},
		"LineBreakInHeader":            {"GET / HTTP/1.1\r\nHost: x\r\nX-Broken: a\rb\r\n\r\n" + next, 400, ""},
		"NULInHeader":                  {"GET / HTTP/1.1\r\nHost: x\r\nX-Broken: a\x00b\r\n\r\n" + next, 400, ""},
		"NoHost":                       {"GET / HTTP/1.1\r\n\r\n" + next, 400, ""},
		"TwoHosts":                     {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + next, 400, ""},
		"HTTP2WithoutTLS":              {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + next, 404, "not_found"},
		"NotHTTP":                      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" + next, 400, ""},
	}
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		// After a refusal the server waits for the rest of the body this long, so
		// that a client still writing gets to read the answer.
		w := newWeb(t, handler, func(h *http.Server) { h.ReadTimeout = time.Second })
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // some wait for that second
				c := dial(t, w.url)
				begin := time.Now()
				go func() { _, _ = c.Write([]byte(tc.request)) }() // it may be stopped in the middle
				got, err := c.answer()
				if err != nil || !got.is(tc.status) || tc.code != "" && got.member("code") != tc.code {
					t.Fatalf("%s, %v; want %d %s", got, err, tc.status, tc.code)
				}
				if took := time.Since(begin); took > 5*time.Second {
					t.Errorf("answered after %s", took)
				}
				if tc.code == "" && (!refusedByGo.Match(got.body) || got.header.Get("Content-Type") != "text/plain; charset=utf-8") {
					t.Errorf("neither Go nor we say %q as %q", got.body, got.header)
				}
				if got.header.Get("Connection") != "close" {
					t.Error("the connection is to be used again")
				}
				if second, err := c.answer(); err == nil {
					t.Errorf("a second answer: %s", second)
				}
			})
		}
	})
}

// refusedByGo are its answers to what is hardly HTTP. No code of ours is asked, so the contract
// cannot speak of them.
var refusedByGo = regexp.MustCompile(`^(400 Bad Request(: [a-zA-Z -]+)?|431 Request Header Fields Too Large|Unsupported transfer encoding)$`)

// A small body that is wrong only in what it says leaves no doubt where the
// next request begins.
func TestWireGoesOnAfterARefusal(t *testing.T) {
	eachHandler(t, func(t *testing.T, handler http.Handler, _ *db.DB) {
		c := dial(t, newWeb(t, handler, func(*http.Server) {}).url)
		for _, tc := range []struct {
			request string
			status  int
		}{
			{login + "Content-Length: 2\r\n\r\n{}", 400},
			{login + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
			{login + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb", 415},
			// No protocol is offered to upgrade to, so the wish is overlooked (RFC 9110, 7.8).
			{"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n", 200},
			{"TRACE /auth/login HTTP/1.1\r\nHost: x\r\n\r\n", 405},
			{"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405},
			{"OPTIONS /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 204},
			// RFC 9112 lets a server read these so (2.2, 5.2): a line feed alone ends a line
			// like any other, and a folded header is one header.
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
