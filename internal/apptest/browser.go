package apptest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/contract/contracttest"
)

// A Browser is an HTTP client with its own cookie jar.
type Browser struct {
	H      *Harness
	Client *http.Client
}

// Browser returns a new client. It checks every response against the contract.
func (h *Harness) Browser() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.T.Fatal(err)
	}
	base := &http.Transport{DisableCompression: true}
	h.T.Cleanup(base.CloseIdleConnections)
	return &Browser{H: h, Client: &http.Client{
		Jar: jar, Transport: h.OnRecord(h.verified(base)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// InProcess returns a browser that calls the handler directly. It checks responses
// against the contract as well.
func (h *Harness) InProcess() *Browser {
	h.T.Helper()
	handler, err := h.Handler()
	if err != nil {
		h.T.Fatal(err)
	}
	b := h.Browser()
	b.Client.Transport = h.OnRecord(h.verified(inProcess{handler}))
	return b
}

// verified checks every response against the contract.
func (h *Harness) verified(base http.RoundTripper) http.RoundTripper {
	return &contracttest.Transport{T: h.T, Contract: h.Contract, Base: base, Database: h.kind}
}

// OnRecord adds every response to the recording, if there is one.
func (h *Harness) OnRecord(base http.RoundTripper) http.RoundTripper {
	if h.Recording == nil {
		return base
	}
	return recorder{base, h.Recording}
}

// inProcess passes requests to the handler without a network. A network server of net/http
// rejects some malformed requests before the handler runs; our code must not rely on that.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.RemoteAddr == "" {
		in.RemoteAddr = "127.0.0.1:50000"
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, in)
	return w.Result(), nil
}

// Call sends a request. A string is sent as it is, any other body as JSON; nil sends no
// body.
func (b *Browser) Call(method, path string, body any, edit ...func(*http.Request)) *Answer {
	b.H.T.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		data, err := json.Marshal(body)
		if err != nil {
			b.H.T.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(b.H.T.Context(), method, b.H.URL+path, reader)
	if err != nil {
		b.H.T.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range edit {
		f(r)
	}
	response, err := b.Client.Do(r)
	if err != nil {
		b.H.T.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		b.H.T.Fatal(err)
	}
	return &Answer{t: b.H.T, What: method + " " + path, Status: response.StatusCode, Header: response.Header, Body: data, Closes: response.Close}
}

// Members are the members of a JSON object.
type Members map[string]any

// Header returns an edit for Call that sets a request header.
func Header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// SessionCookie returns an edit for Call that sends a session cookie.
func SessionCookie(value string) func(*http.Request) { return Header("Cookie", "session="+value) }

// ForwardedFor returns an edit for Call that sends the request on behalf of a client
// behind the trusted proxy.
func ForwardedFor(ip string) func(*http.Request) { return Header("X-Forwarded-For", ip) }

// Raw sends bytes on a new connection and returns the status of the response.
func (h *Harness) Raw(request string) int {
	h.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		h.T.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, request) }() // the server may close before it has read everything
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		h.T.Fatalf("%q: %v", request[:min(len(request), 80)], err)
	}
	var status int
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		h.T.Fatalf("%q: %v", line, err)
	}
	return status
}

// ServeOnce passes one request directly to a handler, so that a benchmark measures the
// server without the network.
func ServeOnce(b *testing.B, handler http.Handler, method, path, body, cookie string, want int) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != want {
		b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}
