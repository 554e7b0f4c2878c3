package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/contract/contracttest"
	"github.com/techtreks/auth/internal/ratelimit"
)

// A client sends requests to one server. Each client has its own address, sent in the
// header of a trusted proxy, so that limits per address do not affect other clients.
type client struct {
	server string
	ip     string
	http   *http.Client
}

var clients atomic.Uint32

// theContract is the contract that every response is checked against.
var theContract = sync.OnceValue(func() *contract.Contract {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		panic(err)
	}
	return c
})

// newClient returns a client that closes its connections when the test ends.
func newClient(t testing.TB, server string) *client {
	n := clients.Add(1)
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{
		server: server,
		ip:     fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff),
		http: &http.Client{
			Transport: &contracttest.Transport{T: t, Contract: theContract(), Base: transport},
			Timeout:   waitLimit,
		},
	}
}

// An answer is a complete response. A truncated body is an error.
type answer struct {
	status int
	header http.Header
	body   []byte
	cookie string // NAME=VALUE of the session cookie, if the response sets it
}

// verify fails the test if the response violates the contract.
func (a *answer) verify(t testing.TB, request string) {
	t.Helper()
	contracttest.Verify(t, theContract(), request, a.status, a.header, a.body)
}

func (a *answer) is(status int) bool { return a != nil && a.status == status }

func (a *answer) String() string {
	if a == nil {
		return "no answer"
	}
	return fmt.Sprintf("%d %s", a.status, a.body)
}

// member returns a member of the JSON body.
func (a *answer) member(name string) any {
	var body map[string]any
	if a == nil || json.Unmarshal(a.body, &body) != nil {
		return nil
	}
	return body[name]
}

// try sends a request. A body other than nil is sent as JSON.
func (c *client) try(method, path, cookie string, body any) (*answer, error) {
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.server+path, reader)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Forwarded-For", c.ip)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	a := &answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	for _, set := range response.Cookies() {
		if set.Name == "session" && set.Value != "" {
			a.cookie = set.Name + "=" + set.Value
		}
	}
	return a, nil
}

// call is try for a request that must get a response.
func (c *client) call(t testing.TB, method, path, cookie string, body any) *answer {
	t.Helper()
	a, err := c.try(method, path, cookie, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An account is a username with its password.
type account struct{ name, password string }

func (a account) registration() any {
	return map[string]string{"username": a.name, "email": a.name + "@example.com", "password": a.password}
}

func (a account) credentials() any {
	return map[string]string{"username": a.name, "password": a.password}
}

var accountCount atomic.Int64

// newAccount returns a unique account, without registering it.
func newAccount() account {
	n := accountCount.Add(1)
	return account{name: fmt.Sprintf("person-%d", n), password: fmt.Sprintf("Secret phrase no %d!", n)}
}

// register registers a new account, which must succeed.
func (c *client) register(t testing.TB) account {
	t.Helper()
	a := newAccount()
	if got := c.call(t, "POST", "/auth/register", "", a.registration()); !got.is(http.StatusCreated) {
		t.Fatalf("register %s: %s", a.name, got)
	}
	return a
}

// login logs in, retries while the server is busy, and returns the cookie. The cookie is
// empty if the server rejects the password.
func (c *client) login(a account) (cookie string, err error) {
	for deadline := time.Now().Add(waitLimit); ; {
		got, err := c.try("POST", "/auth/login", "", a.credentials())
		switch {
		case err != nil:
			return "", err
		case got.is(http.StatusOK) && got.cookie != "":
			return got.cookie, nil
		case got.is(http.StatusUnauthorized):
			return "", nil
		case !got.is(http.StatusServiceUnavailable) || time.Now().After(deadline):
			return "", fmt.Errorf("login of %s: %s", a.name, got)
		}
	}
}

// awaitReady waits until the server is ready.
func (p *process) awaitReady() {
	p.t.Helper()
	c := newClient(p.t, p.url)
	eventually(p.t, "readyz is 200", func() bool {
		got, err := c.try("GET", "/readyz", "", nil)
		return err == nil && got.is(http.StatusOK)
	})
}

// noteEvent notes the audit event in a line of the log, for make conformance.
func (p *process) noteEvent(line string) {
	p.t.Helper()
	var logged struct {
		Msg, Event string
		NotStored  string `json:"not_stored"`
	}
	if json.Unmarshal([]byte(line), &logged) != nil || logged.Msg != "audit" || logged.NotStored != "" {
		return
	}
	database := string(db.SQLite)
	if slices.ContainsFunc(p.cmd.Env, func(v string) bool { return strings.HasPrefix(v, "DATABASE_URL=postgres") }) {
		database = string(db.Postgres)
	}
	if err := contracttest.NoteEvent(database, logged.Event); err != nil {
		p.t.Errorf("recording an audit event: %v", err)
	}
}
