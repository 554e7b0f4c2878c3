package server_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
)

// Every example of a request is one that the server understands: what it refuses
// then, such as a token that nobody was mailed, is not the request's form. That
// the examples of answers are true is what `make conformance` looks at.
func TestEveryExampleOfARequestIsUnderstood(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, h *harness) {
		h.admin("keeper")
		h.browser().register("target") // account 2, as in the examples
		sent := 0
		for i, op := range h.Contract.Operations {
			spec := doc.Paths.Value(op.Path).GetOperation(op.Method)
			path, query := exampleAddress(spec, op.Path)
			b := h.admin(fmt.Sprint("boss", i))
			understood := func(path string, body any) {
				t.Helper()
				sent++
				switch a := b.call(op.Method, path, body); a.status {
				case 413, 415:
					t.Errorf("%s: %d %s", op.ID, a.status, a.body)
				case 400:
					if code := a.json()["code"]; code != "invalid_token" {
						t.Errorf("%s %s: %s", op.ID, path, a.body)
					}
				}
			}
			for _, one := range query {
				understood(path+"?"+one, nil)
			}
			if spec.RequestBody == nil {
				understood(path, nil)
				continue
			}
			examples := spec.RequestBody.Value.Content["application/json"].Examples
			for _, name := range slices.Sorted(maps.Keys(examples)) {
				understood(path, examples[name].Value.Value)
			}
		}
		if sent < len(h.Contract.Operations) {
			t.Errorf("only %d examples", sent)
		}
	})
}

// What the contract shows of accounts and of broken rules is told here in its
// own words; conformance asks for each of its examples in some test.
func TestTheExamplesOfTheContractCanBeSeen(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		shows := func(operation, name string, a *answer) {
			t.Helper()
			if !slices.ContainsFunc(h.Contract.Examples(), func(e contract.Example) bool {
				return e.Operation == operation && e.Name == name && e.Status == a.status && e.IsLike(a.body)
			}) {
				t.Errorf("%s: %d is not the example %s of %s\n%s", a.what, a.status, name, operation, a.body)
			}
		}
		alice := h.browser()
		alice.register("alice")
		alice.login("alice")
		shows("exportAccount", "alice", alice.call("GET", "/auth/export", nil))
		shows("updateProfile", "username", alice.call("PUT", "/auth/update_profile", members{"username": "al"}))
		weak := members{"username": "al", "email": "al@example.com", "password": goodPassword + strings.Repeat("x", 1024)}
		shows("register", "weak", h.browser().call("POST", "/auth/register", weak))

		root := h.admin("root1")
		h.member("bob", "user")
		h.member("carol", "moderator")
		h.browser().register("dora")
		h.exec("UPDATE users SET email_verified_at = created_at")
		shows("createUser", "email", root.call("POST", "/auth/admin/users", members{"username": "dave", "email": "dave"}))
		shows("getUser", "bob", root.manage("GET", "bob", "", nil))
		shows("disableUser", "disabled", root.manage("POST", "bob", "/disable", nil))
		shows("enableUser", "enabled", root.manage("POST", "bob", "/enable", nil))
		shows("listUsers", "page", root.call("GET", "/auth/admin/users?limit=4", nil))
		shows("setUserRole", "changed", root.manage("PUT", "bob", "/role", members{"role": "moderator"}))
	})
}

// exampleAddress is the path of an operation with the examples of its
// parameters, and each parameter of the query alone. Cursors are left out: the
// server takes those alone that it has signed.
func exampleAddress(spec *openapi3.Operation, path string) (string, []string) {
	var query []string
	for _, p := range spec.Parameters {
		text := fmt.Sprint(p.Value.Example)
		switch {
		case p.Value.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", text)
		case p.Value.Name != "cursor":
			query = append(query, p.Value.Name+"="+url.QueryEscape(text))
		}
	}
	return path, query
}
