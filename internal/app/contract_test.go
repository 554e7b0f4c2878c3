package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	genapi "github.com/techtreks/auth/gen/api"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

func TestContract_GeneratedCodeHasEveryOperation(t *testing.T) {
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
			t.Errorf("the generated code lacks %s %s", op.Method, op.Path)
		}
	}
	generated := 0
	for _, item := range embedded.Paths.Map() {
		generated += len(item.Operations())
	}
	if generated != len(c.Operations) {
		t.Errorf("operations in the generated code: got %d, want %d", generated, len(c.Operations))
	}
}

func TestRoutes_AreThoseOfTheContract(t *testing.T) {
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
		t.Errorf("routes:\ngot  %v\nwant %v", routes, operations)
	}
}

// validRequest returns a valid request of an operation.
func validRequest(op *contract.Operation) (path string, body any) {
	path = strings.NewReplacer("{asset}", "swagger-ui.css").Replace(op.Path)
	switch op.ID {
	case "register":
		body = apptest.Members{"username": "carol", "email": "carol@example.com", "password": apptest.GoodPassword}
	case "login":
		body = apptest.Members{"username": "alice", "password": apptest.GoodPassword}
	}
	return path, body
}

func TestOperations_RequireSession(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		tested := 0
		for _, op := range h.Contract.Operations {
			if op.Session != contract.SessionRequired {
				continue
			}
			tested++
			path, body := validRequest(op)
			for name, edit := range apptest.InOrder(map[string]func(*http.Request){
				"no cookie":         func(*http.Request) {},
				"invalid cookie":    apptest.SessionCookie("junk"),
				"token in a header": apptest.Header("Authorization", "Bearer "+strings.Repeat("A", 43)),
				"role in a header":  apptest.Header("X-User-Role", "admin"),
			}) {
				t.Run(op.ID+" with "+name, func(t *testing.T) {
					h.Browser().Call(op.Method, path, body, edit).Want(401, "login_required")
				})
			}
		}
		if tested == 0 {
			t.Fatal("no operation requires a session, so the test proves nothing")
		}
	})
}

func TestRoutes_UnknownPathIs404AndUnknownMethod405(t *testing.T) {
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
					t.Errorf("%s %s: got a redirect to %s, want none", method, path, a.Header.Get("Location"))
				}
			}
		}
		for _, op := range h.Contract.Operations {
			path, _ := validRequest(op)
			allow := allowedMethods(h, op.Path)
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
				if slices.Contains(allow, method) {
					continue
				}
				a := b.Call(method, path, nil)
				if a.Status != 405 || !slices.Equal(a.Allow(), allow) {
					t.Errorf("%s %s: got %d and Allow %q, want 405 and %q", method, path, a.Status, a.Allow(), allow)
				}
			}
			a := b.Call("OPTIONS", path, nil)
			if a.Status != 204 || !slices.Equal(a.Allow(), allow) || len(a.Body) != 0 {
				t.Errorf("OPTIONS %s: got %d, Allow %q and %d bytes, want 204, %q and none", path, a.Status, a.Allow(), len(a.Body), allow)
			}
		}
	})
}

func TestRoutes_HeadIsGetWithoutBody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for _, op := range h.Contract.Operations {
			if op.Method != http.MethodGet {
				continue
			}
			path, _ := validRequest(op)
			get, head := b.Call("GET", path, nil), b.Call("HEAD", path, nil)
			if get.Status != head.Status || len(head.Body) != 0 {
				t.Errorf("HEAD %s: got %d with %d bytes, want %d without", path, head.Status, len(head.Body), get.Status)
			}
			if g, h := get.Header.Get("Content-Type"), head.Header.Get("Content-Type"); g != h {
				t.Errorf("HEAD %s: got Content-Type %q, want %q", path, h, g)
			}
		}
	})
}

// allowedMethods returns the methods of a path, sorted.
func allowedMethods(h *apptest.Harness, path string) []string {
	methods := []string{"OPTIONS"}
	for _, op := range h.Contract.Operations {
		if op.Path == path {
			methods = append(methods, op.Method)
			if op.Method == "GET" {
				methods = append(methods, "HEAD")
			}
		}
	}
	slices.Sort(methods)
	return methods
}
