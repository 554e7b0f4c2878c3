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
			b := h.admin(fmt.Sprint("admin", i))
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
