package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Extensions that are allowed at the root, on an operation and on a schema. Any other would look like
// a rule without being enforced, for example x-role instead of x-roles.
var (
	rootExtensions      = []string{limitExtension}
	operationExtensions = []string{"x-roles", limitExtension}
	schemaExtensions    = []string{"x-messages", "x-code", "x-refusals"}
	explainedKeywords   = []string{"required", "minLength", "maxLength", "pattern", "format"}
)

// checkExtensions rejects a document with extensions that the server does not enforce.
func checkExtensions(doc *openapi3.T) error {
	var roles []any
	if doc.Components != nil && doc.Components.Schemas["Role"] != nil {
		roles = doc.Components.Schemas["Role"].Value.Enum
	}
	c := &extensionCheck{seen: map[*openapi3.Schema]bool{}}
	c.known("the document", doc.Extensions, rootExtensions)
	if _, err := readLimits(doc.Extensions[limitExtension]); err != nil {
		c.fail("the document: %w", err) // even if no operation uses it
	}
	if doc.Components != nil {
		for name, ref := range doc.Components.Schemas {
			c.schema(name, ref)
		}
	}
	for path, item := range doc.Paths.Map() {
		c.known(path, item.Extensions, nil)
		for method, op := range item.Operations() {
			where := method + " " + path
			c.known(where, op.Extensions, operationExtensions)
			named, _ := extensionStrings(op.Extensions["x-roles"]) // newOperation reports its form
			for _, role := range named {
				if roles != nil && !slices.Contains(roles, any(role)) {
					c.fail("%s: x-roles contains %q, which is not in the schema Role", where, role)
				}
			}
			c.operation(where, op)
		}
	}
	return c.err
}

// extensionCheck walks a document and keeps the first error.
type extensionCheck struct {
	seen map[*openapi3.Schema]bool
	err  error
}

func (c *extensionCheck) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *extensionCheck) known(where string, extensions map[string]any, allowed []string) {
	for name := range extensions {
		if strings.HasPrefix(name, "x-") && !slices.Contains(allowed, name) {
			c.fail("%s: the extension %s is not enforced by this server", where, name)
		}
	}
}

func (c *extensionCheck) operation(where string, op *openapi3.Operation) {
	for _, p := range op.Parameters {
		c.known(where+" "+p.Value.Name, p.Value.Extensions, nil)
		c.schema(where+" "+p.Value.Name, p.Value.Schema)
	}
	if op.RequestBody != nil {
		c.content(where, op.RequestBody.Value.Content)
	}
	for _, response := range op.Responses.Map() {
		c.content(where, response.Value.Content)
	}
}

func (c *extensionCheck) content(where string, content openapi3.Content) {
	for _, media := range content {
		c.schema(where, media.Schema)
	}
}

func (c *extensionCheck) schema(where string, ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil || c.seen[ref.Value] {
		return
	}
	s := ref.Value
	c.seen[s] = true
	c.known(where, s.Extensions, schemaExtensions)
	c.messages(where, s)
	for name, property := range s.Properties {
		c.schema(where+"."+name, property)
	}
	c.schema(where+"[]", s.Items)
	for _, parts := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		for _, part := range parts {
			c.schema(where, part)
		}
	}
}

func (c *extensionCheck) messages(where string, s *openapi3.Schema) {
	if raw, there := s.Extensions["x-messages"]; there {
		messages, ok := raw.(map[string]any)
		if !ok || len(messages) == 0 {
			c.fail("%s: x-messages must have a sentence for each keyword", where)
		}
		for keyword, sentence := range messages {
			if text, ok := sentence.(string); !ok || text == "" || !slices.Contains(explainedKeywords, keyword) {
				c.fail("%s: x-messages has an invalid entry %s: %v", where, keyword, sentence)
			}
		}
	}
	if raw, there := s.Extensions["x-refusals"]; there {
		refusals, ok := raw.(map[string]any)
		if !ok || len(refusals) == 0 {
			c.fail("%s: x-refusals must have a sentence for each code", where)
		}
		for code, sentence := range refusals {
			if text, ok := sentence.(string); !ok || text == "" {
				c.fail("%s: x-refusals has %v instead of a sentence for %s", where, sentence, code)
			}
		}
	}
	if raw, there := s.Extensions["x-code"]; there {
		if code, ok := raw.(string); !ok || code == "" || s.Extensions["x-messages"] == nil {
			c.fail("%s: x-code must be a code in a schema with x-messages", where)
		}
	}
}
