// Package contracttest checks every response that a test receives against the contract. It is part
// of the client and talks to the real HTTP server, so that it sees every response.
package contracttest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/contract"
)

// A Transport sends requests through Base and fails the test for every response that the contract
// does not allow.
type Transport struct {
	T        testing.TB
	Contract *contract.Contract
	Base     http.RoundTripper
	Database string // kind of database, if known
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	response, err := t.Base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	op := find(t.Contract, r.Method, r.URL.EscapedPath())
	if err := t.Contract.Verify(r, op, response.StatusCode, response.Header, body); err != nil {
		t.T.Errorf("%s %s: the response breaks the contract: %v\n%s", r.Method, r.URL.Path, err, body)
	} else if r.Method != http.MethodHead && r.Method != http.MethodOptions {
		if err := t.noteResponse(op, r, sent, response, body); err != nil {
			t.T.Errorf("recording a response: %v", err)
		}
	}
	return response, nil
}

// CloseIdleConnections forwards to Base. Without it, http.Client's method of that name would have no effect.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.Base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// Verify makes the same check for a test that writes bytes to a connection. request starts with the
// request line.
func Verify(t testing.TB, c *contract.Contract, request string, status int, header http.Header, body []byte) {
	t.Helper()
	method, rest, _ := strings.Cut(request, " ")
	target, _, _ := strings.Cut(rest, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if err == nil {
		err = c.Verify(r, find(c, method, r.URL.EscapedPath()), status, header, body)
	}
	if err != nil {
		t.Errorf("%s %s: the response breaks the contract: %v\n%s", method, target, err, body)
	}
}

// bodyOf returns the body of a request, or nil if it can be read only once.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.GetBody == nil {
		return nil, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(body)
}

// find returns the operation for a path: the matching template with the fewest parameters. It does not use
// the server's router, so that a bug there cannot hide itself.
func find(c *contract.Contract, method, path string) *contract.Operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var found *contract.Operation
	for _, op := range c.Operations {
		if op.Method != method || !fits(op.Path, path) {
			continue
		}
		if found == nil || strings.Count(op.Path, "{") < strings.Count(found.Path, "{") {
			found = op
		}
	}
	return found
}

// fits reports whether a path matches a template. Each parameter of a template is a
// whole segment.
func fits(template, path string) bool {
	return slices.EqualFunc(strings.Split(template, "/"), strings.Split(path, "/"), func(part, segment string) bool {
		return part == segment || strings.HasPrefix(part, "{") && segment != ""
	})
}
