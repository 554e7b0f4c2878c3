package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// ExamplesSent lists the schema examples that a parameter or a part of the body of a request matches.
// op is nil for a path that is not in the contract.
func (c *Contract) ExamplesSent(op *Operation, r *http.Request, body []byte) (found []Example) {
	if op == nil {
		return nil
	}
	for _, p := range op.route.Operation.Parameters {
		switch p.Value.In {
		case openapi3.ParameterInQuery:
			if r.URL.Query().Has(p.Value.Name) {
				found = append(found, partsLike(p.Value.Schema, r.URL.Query().Get(p.Value.Name))...)
			}
		case openapi3.ParameterInPath:
			given := strings.Split(r.URL.Path, "/")
			for i, segment := range strings.Split(op.Path, "/") {
				if segment == "{"+p.Value.Name+"}" && i < len(given) {
					found = append(found, partsLike(p.Value.Schema, given[i])...)
				}
			}
		}
	}
	if described := op.route.Operation.RequestBody; described != nil {
		const mediaType = "application/json"
		found = append(found, partsLike(described.Value.Content.Get(mediaType).Schema, bodyValue(mediaType, body))...)
	}
	return found
}

// bodyValue decodes a body. It returns nil if that fails.
func bodyValue(mediaType string, body []byte) (value any) {
	if mediaType != "application/json" {
		return string(body)
	}
	if json.Unmarshal(body, &value) != nil {
		return nil
	}
	return value
}

func partsLike(ref *openapi3.SchemaRef, value any) (found []Example) {
	eachPartOf("", ref, value, func(e Example, part any) {
		if e.partIsLike(part) {
			found = append(found, e)
		}
	})
	return found
}

// partIsLike reports whether a part of a request or response matches the example. Members match as in
// IsLike. A text or number with a named schema must be equal; a page must start like the example.
func (e Example) partIsLike(part any) bool {
	if dot := strings.LastIndex(e.Name, "."); dot >= 0 {
		return like(e.Name[dot+1:], e.Value, part)
	}
	switch shown := e.Value.(type) {
	case map[string]any, []any:
		return e.isLike(part)
	case string:
		got, ok := part.(string)
		return ok && (e.open && strings.HasPrefix(got, shown) || sameText(shown, got))
	}
	return fmt.Sprint(part) == fmt.Sprint(e.Value) // a number in a path is text
}

const namedSchemas = "#/components/schemas/"

// eachPart visits the examples of a schema and of its properties and items. where is the path of
// the schema from the nearest one with a name.
func eachPart(where string, ref *openapi3.SchemaRef, known map[string]bool, visit func(Example)) {
	if ref == nil || ref.Ref != "" && known[ref.Ref] {
		return
	}
	known[ref.Ref] = true
	if name, ok := strings.CutPrefix(ref.Ref, namedSchemas); ok {
		where = name
	}
	if e, ok := exampleOfPart(where, ref); ok {
		visit(e)
	}
	for name, member := range ref.Value.Properties {
		eachPart(where+"."+name, member, known, visit)
	}
	eachPart(where+"[]", ref.Value.Items, known, visit)
}

func eachPartIn(content openapi3.Content, visit func(Example)) {
	for _, media := range content {
		eachPart("", media.Schema, map[string]bool{}, visit)
	}
}

// eachPartOf is eachPart for the value of a request or response: it visits each example with the
// matching part of the value.
func eachPartOf(where string, ref *openapi3.SchemaRef, value any, visit func(e Example, part any)) {
	if ref == nil {
		return
	}
	if name, ok := strings.CutPrefix(ref.Ref, namedSchemas); ok {
		where = name
	}
	if e, ok := exampleOfPart(where, ref); ok {
		visit(e, value)
	}
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			eachPartOf(where+"."+name, ref.Value.Properties[name], member, visit)
		}
	case []any:
		for _, one := range value {
			eachPartOf(where+"[]", ref.Value.Items, one, visit)
		}
	}
}

// exampleOfPart returns the example of a schema that has a name or is inside one that has. The example
// of a long text, such as a page, is only its start.
func exampleOfPart(where string, ref *openapi3.SchemaRef) (Example, bool) {
	long := ref.Value.Type.Is("string") && ref.Value.MaxLength != nil && *ref.Value.MaxLength > 10_000
	return Example{Name: "schema " + where, Value: ref.Value.Example, open: isOpen(ref) || long}, ref.Value.Example != nil && where != ""
}
