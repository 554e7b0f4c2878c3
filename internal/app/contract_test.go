package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/problem"
	"github.com/techtreks/auth/internal/ratelimit"
	"github.com/techtreks/auth/internal/server"
	"github.com/techtreks/auth/internal/session"
)

func TestGeneratedCodeCarriesTheContract(t *testing.T) {
	embedded, err := genapi.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range c.Operations {
		spec := embedded.Paths.Value(op.Path).GetOperation(op.Method)
		if spec == nil || !strings.EqualFold(spec.OperationID, op.ID) {
			t.Errorf("%s %s is not in the generated code", op.Method, op.Path)
		}
	}
	generated := 0
	for _, item := range embedded.Paths.Map() {
		generated += len(item.Operations())
	}
	if generated != len(c.Operations) {
		t.Errorf("the generated code has %d operations, the contract %d", generated, len(c.Operations))
	}
}

func TestRouteTableIsTheContract(t *testing.T) {
	h := apptest.NewServer(t, dbtest.Open(t, db.SQLite))
	table, err := h.Routes()
	if err != nil {
		t.Fatal(err)
	}
	var routes, operations []string
	for _, r := range table {
		routes = append(routes, r.Method+" "+r.Path)
	}
	for _, op := range h.Contract.Operations {
		operations = append(operations, op.Method+" "+contract.GinPath(op.Path))
		if op.Method == http.MethodGet {
			operations = append(operations, "HEAD "+contract.GinPath(op.Path))
		}
	}
	slices.Sort(routes)
	slices.Sort(operations)
	if !slices.Equal(routes, operations) {
		t.Errorf("routes     %v\noperations %v", routes, operations)
	}
}

// example returns a request that an operation takes.
func example(op *contract.Operation) (path string, body any) {
	path = strings.NewReplacer("{asset}", "swagger-ui.css").Replace(op.Path)
	switch op.ID {
	case "register":
		body = apptest.Members{"username": "somebody", "email": "somebody@example.com", "password": apptest.GoodPassword}
	case "login":
		body = apptest.Members{"username": "alice", "password": apptest.GoodPassword}
	}
	return path, body
}

func TestOperationsThatNeedASessionRefuseVisitors(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		walked := 0
		for _, op := range h.Contract.Operations {
			if op.Session != contract.SessionRequired {
				continue
			}
			walked++
			path, body := example(op)
			for name, edit := range apptest.InOrder(map[string]func(*http.Request){
				"no cookie":           func(*http.Request) {},
				"a junk cookie":       apptest.SessionCookie("junk"),
				"a token in a header": apptest.Header("Authorization", "Bearer "+strings.Repeat("A", 43)),
				"a role of one's own": apptest.Header("X-User-Role", "admin"),
			}) {
				t.Run(op.ID+" with "+name, func(t *testing.T) {
					h.Browser().Call(op.Method, path, body, edit).Want(401, "login_required")
				})
			}
		}
		if walked == 0 {
			t.Fatal("no operation needs a session")
		}
	})
}

func TestUnknownPathsAndMethods(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for _, path := range []string{
			"/nothing", "/auth", "/auth/login/", "/auth//login", "/AUTH/LOGIN", "/docs/", "/.git/config", "/metrics", "/debug/pprof/",
			"/auth/login%2f", "/auth/%6cogin/x", "/" + strings.Repeat("a", 4000),
		} {
			for _, method := range []string{"GET", "POST", "TRACE", "BREW"} {
				a := b.Call(method, path, nil)
				a.Want(404, "not_found")
				if a.Header.Get("Location") != "" {
					t.Errorf("%s %s redirects to %s", method, path, a.Header.Get("Location"))
				}
			}
		}
		for _, op := range h.Contract.Operations {
			path, _ := example(op)
			allow := h.Allowed(op.Path)
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
				if slices.Contains(allow, method) {
					continue
				}
				a := b.Call(method, path, nil)
				if a.Status != 405 || !slices.Equal(a.Allow(), allow) {
					t.Errorf("%s %s: %d, Allow %q, want 405 and %q", method, path, a.Status, a.Allow(), allow)
				}
			}
			a := b.Call("OPTIONS", path, nil)
			if a.Status != 204 || !slices.Equal(a.Allow(), allow) || len(a.Body) != 0 {
				t.Errorf("OPTIONS %s: %d, Allow %q, %d bytes", path, a.Status, a.Allow(), len(a.Body))
			}
		}
	})
}

func TestHeadAnswersLikeGetWithoutABody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for _, op := range h.Contract.Operations {
			if op.Method != http.MethodGet {
				continue
			}
			path, _ := example(op)
			get, head := b.Call("GET", path, nil), b.Call("HEAD", path, nil)
			if get.Status != head.Status || len(head.Body) != 0 {
				t.Errorf("%s: GET %d, HEAD %d with %d bytes", path, get.Status, head.Status, len(head.Body))
			}
			if g, h := get.Header.Get("Content-Type"), head.Header.Get("Content-Type"); g != h {
				t.Errorf("%s: GET is %q, HEAD is %q", path, g, h)
			}
		}
	})
}

func TestDocumentationIsOffInProduction(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, path := range []string{"/docs", "/docs/swagger-ui.css", "/openapi.yaml", "/openapi.json"} {
			h.Browser().Call("GET", path, nil).Want(404, "not_found")
		}
		if got := string(h.Browser().Call("GET", "/", nil).Body); got != "ok" {
			t.Errorf("the banner is %q", got)
		}
	}, apptest.Production)
}

func TestServedContractIsThisServers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		text := string(b.Call("GET", "/openapi.yaml", nil).Body)
		for _, want := range []string{"url: https://auth.example.com", "name: __Host-session", "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"} {
			if !strings.Contains(text, want) {
				t.Errorf("the served contract lacks %q", want)
			}
		}
		document := b.Call("GET", "/openapi.json", nil).JSON()
		if got := document["servers"].([]any)[0].(map[string]any)["url"]; got != "https://auth.example.com" {
			t.Errorf("the JSON has the server %v", got)
		}
	}, apptest.Production, func(c *config.Config) { c.Docs = new(true) })
}

func TestDocumentationPageLoadsOnlyWhatIsThere(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		page := string(b.Call("GET", "/docs", nil).Want(200, "").Body)
		for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "init.js", "favicon-32x32.png"} {
			if !strings.Contains(page, name) {
				t.Errorf("the page does not load %s", name)
			}
			b.Call("GET", "/docs/"+name, nil).Want(200, "")
		}
		b.Call("GET", "/docs/nothing.css", nil).Want(404, "not_found")
		b.Call("GET", "/docs/..%2f..%2fetc%2fpasswd", nil).Want(404, "not_found")
		b.Call("GET", "/docs/..%5cetc", nil).Want(400, "invalid_fields")
	})
}

func TestBannerNamesThePort(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		if got := string(h.Browser().Call("GET", "/", nil).Body); got != "Backend is running on port 5001!" {
			t.Errorf("got %q", got)
		}
	})
}

func TestReadinessFollowsTheDatabaseAndTheShutdown(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("GET", "/readyz", nil).Want(200, "")
		if err := h.DB.Close(); err != nil {
			t.Fatal(err)
		}
		b.Call("GET", "/readyz", nil).Want(200, "") // within the second
		h.Clock.Advance(time.Second)
		if got := b.Call("GET", "/readyz", nil).Want(503, "unavailable").Header.Get("Retry-After"); got != "2" {
			t.Errorf("Retry-After is %q", got)
		}
		b.Call("GET", "/healthz", nil).Want(200, "")
		h.Service.Draining.Store(true)
		b.Call("GET", "/readyz", nil).Want(503, "shutting_down")
		b.Call("GET", "/healthz", nil).Want(200, "")
	})
}

func TestRolesAreReadFromTheContract(t *testing.T) {
	const text = `openapi: 3.0.3
info: {title: t, version: "1"}
components:
  securitySchemes: {session: {type: apiKey, in: cookie, name: session}}
paths:
  /any:   {get: {operationId: any, security: [{session: []}], responses: {'200': {description: d}}}}
  /admin: {get: {operationId: admin, security: [{session: []}], x-roles: [admin], responses: {'200': {description: d}}}}
  /open:  {get: {operationId: open, responses: {'200': {description: d}}}}
`
	c, err := contract.Load([]byte(text), nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		role string // empty for a visitor
		path string
		want string
	}{
		{"", "/open", ""}, {"", "/any", "login_required"}, {"", "/admin", "login_required"},
		{"user", "/any", ""}, {"user", "/admin", "forbidden"}, {"moderator", "/admin", "forbidden"}, {"admin", "/admin", ""},
		{"Admin", "/admin", "forbidden"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%q at %s", test.role, test.path), func(t *testing.T) {
			ctx := t.Context()
			if test.role != "" {
				ctx = session.With(ctx, &session.Session{User: gendb.User{Role: test.role}})
			}
			err := (&server.Server{}).Authorize(ctx, c.Find("GET", test.path))
			if code := codeOf(err); code != test.want {
				t.Errorf("got %q, want %q", code, test.want)
			}
		})
	}
}

func codeOf(err error) string {
	var refused *problem.Error
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Code
}
