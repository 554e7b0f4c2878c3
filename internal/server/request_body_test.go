package server_test

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

func TestRequestBody_RejectsAmbiguousJSON(t *testing.T) {
	good := `{"username":"alice","email":"a@x.example","password":"Tr4vel-light"}`
	tests := map[string]string{
		"empty":                   "",
		"truncated":               good[:len(good)-1],
		"trailing bytes":          good + " x",
		"a second value":          good + good,
		"trailing brace":          good + "}",
		"duplicate name":          `{"username":"alice","username":"mallory","email":"a@x.example","password":"Tr4vel-light"}`,
		"duplicate name, escaped": `{"username":"alice","\u0075sername":"mallory","email":"a@x.example","password":"Tr4vel-light"}`,
		"a byte order mark":       "\uFEFF" + good,
		"invalid UTF-8":           `{"username":"alice` + "\xff" + `","email":"a@x.example","password":"Tr4vel-light"}`,
		"half a surrogate pair":   `{"username":"alice\ud800","email":"a@x.example","password":"Tr4vel-light"}`,
		"a control character":     "{\"username\":\"al\nice\",\"email\":\"a@x.example\",\"password\":\"Tr4vel-light\"}",
		"a comment":               `{/**/"username":"alice","email":"a@x.example","password":"Tr4vel-light"}`,
		"a trailing comma":        `{"username":"alice","email":"a@x.example","password":"Tr4vel-light",}`,
		"single quotes":           `{'username':'alice'}`,
		"NaN":                     `{"username":NaN}`,
		"deep nesting":            strings.Repeat("[", 32<<10) + strings.Repeat("]", 32<<10),
		"only brackets":           strings.Repeat("[", 64<<10),
		"UTF-16":                  "\xff\xfe{\x00}\x00",
		"NUL":                     "\x00",
		"a form":                  "username=alice&password=x",
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, body := range apptest.InOrder(tests) {
			t.Run(name, func(t *testing.T) {
				h := h.In(t)
				h.Browser().Call("POST", "/auth/register", body).Want(400, "malformed_body")
				h.Browser().Call("POST", "/auth/login", body).Want(400, "malformed_body")
			})
		}
	})
}

func TestRequestBody_ChecksMediaType(t *testing.T) {
	good := `{"username":"nobody","password":"Tr4vel-light"}`
	tests := map[string]struct {
		contentType string
		status      int
		code        string
	}{
		"JSON":               {"application/json", 401, "invalid_credentials"},
		"JSON in UTF-8":      {"application/json; charset=UTF-8", 401, "invalid_credentials"},
		"JSON in capitals":   {"Application/JSON", 401, "invalid_credentials"},
		"none":               {"", 415, "unsupported_media_type"},
		"text":               {"text/plain", 415, "unsupported_media_type"},
		"a form":             {"application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		"multipart":          {"multipart/form-data; boundary=x", 415, "unsupported_media_type"},
		"JSON in UTF-16":     {"application/json; charset=utf-16", 415, "unsupported_media_type"},
		"similar type":       {"application/jsonp", 415, "unsupported_media_type"},
		"a JSON dialect":     {"application/vnd.api+json", 415, "unsupported_media_type"},
		"text after a comma": {"application/json, text/plain", 415, "unsupported_media_type"},
		"rubbish":            {";;;", 415, "unsupported_media_type"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, test := range apptest.InOrder(tests) {
			t.Run(name, func(t *testing.T) {
				h := h.In(t)
				h.Browser().Call("POST", "/auth/login", good, func(r *http.Request) {
					r.Header.Del("Content-Type")
					if test.contentType != "" {
						r.Header.Set("Content-Type", test.contentType)
					}
				}).Want(test.status, test.code)
			})
		}
	})
}

func TestRequestBody_RejectsCompression(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(bytes.Repeat([]byte(" "), 50<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, encoding := range []string{"gzip", "deflate", "br"} {
			h.Browser().Call("POST", "/auth/login", bomb.String(), apptest.Header("Content-Encoding", encoding)).Want(415, "unsupported_media_type")
		}
	})
}

func TestRequestBody_HasMaximumSize(t *testing.T) {
	body := func(size int) string {
		frame := `{"username":"nobody","password":""}`
		return strings.Replace(frame, `""}`, `"`+strings.Repeat("x", size-len(frame))+`"}`, 1)
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/login", body(64<<10)).Want(400, "invalid_fields")
		hashes := h.Passwords().Hashes()
		for name, edit := range apptest.InOrder(map[string]func(*http.Request){
			"declared":     func(*http.Request) {},
			"not declared": func(r *http.Request) { r.ContentLength = -1 },
		}) {
			a := h.Browser().Call("POST", "/auth/login", body(64<<10+1), edit).Want(413, "body_too_large")
			if !a.Closes {
				t.Errorf("%s: the server keeps the connection open", name)
			}
		}
		if n := h.Passwords().Hashes() - hashes; n != 0 {
			t.Errorf("got %d hashes for bodies that are too large, want 0", n)
		}
	})
}

// An operation without a request body neither reads a body nor waits for one, whatever the body
// is. It processes the session as usual.
func TestRequestBody_IsIgnoredByOperationsWithoutOne(t *testing.T) {
	bodies := map[string]string{
		"too large":             "Content-Length: 65537\r\n\r\n" + strings.Repeat("x", 65537),
		"declared and not sent": "Content-Length: 1073741824\r\n\r\n",
		"broken chunks":         "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"JSON":                  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		h.Edge.VerifyResponses = true
		h.Browser().Register("alice")
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			if body != nil {
				continue
			}
			send := func(text string) int {
				cookie := h.Browser().Login("alice").Cookie()
				return h.Raw(op.Method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nCookie: session=" + cookie + "\r\n" + text)
			}
			want := send("\r\n")
			for name, text := range bodies {
				if status := send(text); status != want {
					t.Errorf("%s %s with body %q: got %d, want %d", op.Method, path, name, status, want)
				}
			}
		}
		if n := h.Violations(); n != 0 {
			t.Errorf("got %d responses that break the contract, want 0", n)
		}
	})
}

// rubbishRequests returns the number of requests to each database. `make torture` sends far
// more.
func rubbishRequests(t *testing.T) int {
	t.Helper()
	text := os.Getenv("RUBBISH_REQUESTS")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The requests are made of broken pieces of valid ones. The server answers each within the
// contract, which the client checks, and keeps running.
func TestOperations_AnswerRubbishWithinTheContract(t *testing.T) {
	pieces := []string{
		`{`, `}`, `[`, `]`, `"`, `:`, `,`, `null`, `"username"`, `"email"`, `"password"`, `"alice"`, `"a@x.example"`, `"Tr4vel-light"`,
		"\x00", "\xff", `\u0000`, `\ud83d\ude00`, `1e999`, `-1`, `true`, `{"username":"alice","email":"a@x.example","password":"Tr4vel-light"}`,
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		random := rand.New(rand.NewPCG(1, 2)) // the same sequence for each database
		pick := func(from []string) string { return from[random.IntN(len(from))] }
		for range rubbishRequests(t) {
			var body strings.Builder
			for range random.IntN(12) {
				body.WriteString(pick(pieces))
			}
			a := b.Call(pick([]string{"POST", "POST", "POST", "GET", "PUT"}), pick([]string{"/auth/register", "/auth/login", "/auth/logout", "/auth/profile"}),
				body.String(),
				apptest.Header("Cookie", pick([]string{"session=", "session=x.y", "session=x.y; session=", "=;=", `session="`, ""})),
				apptest.Header("Authorization", pick([]string{"", "Bearer", "Basic ===", "\xff"})),
				apptest.Header("Content-Type", pick([]string{"application/json", "application/json", "text/plain", "a/b;c"})))
			if a.Status >= 500 {
				t.Fatalf("%q: got %d, want no server error", body.String(), a.Status)
			}
		}
	})
}
