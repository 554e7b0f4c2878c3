package apptest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/techtreks/auth/internal/contract"
)

// documents holds the parsed document of each contract: parsing takes milliseconds.
var documents sync.Map

// document returns the OpenAPI document of the server with all references resolved.
func (h *Harness) document() *openapi3.T {
	h.T.Helper()
	doc, ok := documents.Load(h.Contract)
	if !ok {
		loaded, err := openapi3.NewLoader().LoadFromData(h.Contract.JSON)
		if err != nil {
			h.T.Fatal(err)
		}
		doc, _ = documents.LoadOrStore(h.Contract, loaded)
	}
	return doc.(*openapi3.T)
}

// Sample returns a valid request for an operation, made of the examples in the contract.
// Tests of all operations thus cover a new operation without a change. It fails the test
// if a path parameter or the body has no example.
func (h *Harness) Sample(op *contract.Operation) (path string, body any) {
	h.T.Helper()
	item := h.document().Paths.Value(op.Path)
	spec := item.GetOperation(op.Method)
	path = op.Path
	for _, p := range slices.Concat(spec.Parameters, item.Parameters) {
		if p.Value.In != openapi3.ParameterInPath {
			continue
		}
		if value := example(p.Value.Example, p.Value.Examples, p.Value.Schema); value != nil {
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", fmt.Sprint(value))
		}
	}
	if strings.Contains(path, "{") {
		h.T.Fatalf("%s: the path %s has a parameter without an example", op.ID, path)
	}
	if spec.RequestBody != nil {
		if media := spec.RequestBody.Value.GetMediaType("application/json"); media != nil {
			body = example(media.Example, media.Examples, media.Schema)
		}
		if body == nil {
			h.T.Fatalf("%s: the request body has no JSON example", op.ID)
		}
	}
	if op.ID == "register" { // the account in the example exists in most tests
		body = map[string]any{"username": "planted", "email": "planted@example.com", "password": GoodPassword}
	}
	return path, body
}

// example returns the example of a parameter or a body, nil if there is none: its own, the
// last of several by name, or the one of its schema.
func example(own any, several openapi3.Examples, schema *openapi3.SchemaRef) any {
	if own != nil {
		return own
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(several))) {
		return several[name].Value.Value
	}
	if schema != nil {
		return schema.Value.Example
	}
	return nil
}

// Changing returns the operations that may change something.
func (h *Harness) Changing() []*contract.Operation { return h.operations(false) }

// Safe returns the operations that change nothing.
func (h *Harness) Safe() []*contract.Operation { return h.operations(true) }

func (h *Harness) operations(safe bool) []*contract.Operation {
	return slices.DeleteFunc(slices.Clone(h.Contract.Operations), func(op *contract.Operation) bool {
		return (op.Method == "GET") != safe
	})
}
