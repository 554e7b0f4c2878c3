// Package contract enforces the OpenAPI document at run time. It finds the operation of a
// request. From that operation alone it decides whether the request may continue: the rate
// limit, the session and role, the parameters and the body. It also validates responses
// against the same document.
//
// In addition to OpenAPI, it reads these extensions:
//
//   - x-roles on an operation lists the roles that may call it.
//   - x-rate-limit on an operation lists its rate limits. At the root it applies to each
//     operation other than GET that has none of its own.
//   - x-messages in a schema has the error message for each violated keyword.
//   - x-code in a schema with x-messages replaces the error code of these keywords.
//   - x-refusals on a named schema lists errors of values that match the schema but are
//     rejected: a code and a message each.
//
// A document with an extension that this package does not understand does not load, so that
// every rule in the document is enforced.
package contract

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/techtreks/auth/internal/ratelimit"
)

// An Operation is one method of one path of the contract.
type Operation struct {
	ID      string
	Method  string
	Path    string // as in the document, with {parameters}
	Session SessionUse
	// Schemes lists the accepted security schemes, such as [SessionScheme]. One is enough.
	Schemes []string
	// Anonymous operations need none of the schemes.
	Anonymous bool
	Roles     []string // roles that may call; nil means every role
	// Limits are the rate limits; empty means unlimited.
	Limits []ratelimit.Limit

	route *routers.Route
}

// A Contract is a loaded document.
type Contract struct {
	// YAML and JSON are the document as this server serves it.
	YAML, JSON []byte
	// Operations in the order of their paths and methods.
	Operations []*Operation

	doc      *openapi3.T
	byRoute  map[string]*Operation
	unrouted *Operation
}

// Load reads a document, after setting the values of overrides in it. overrides is keyed by
// YAML path, such as $.servers[0].url, and contains the address, the cookie name and the
// password rules of this server. So the same document is enforced, served and documented.
// limits replace the limits of the document; the zero value keeps them.
func Load(source []byte, overrides map[string]any, limits ratelimit.Settings) (*Contract, error) {
	text, err := override(source, overrides, limits)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	// From JSON, so that only one parser reads the YAML.
	doc, err := openapi3.NewLoader().LoadFromData(asJSON)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	if err := checkExtensions(doc); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	c := &Contract{YAML: text, JSON: asJSON, doc: doc, byRoute: map[string]*Operation{}}
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Find(path)
		for method, spec := range item.Operations() {
			op, err := newOperation(doc, path, item, method, spec)
			if err != nil {
				return nil, fmt.Errorf("contract: %s %s: %w", method, path, err)
			}
			c.Operations = append(c.Operations, op)
			c.byRoute[routeKey(method, GinPath(path))] = op
		}
	}
	slices.SortFunc(c.Operations, func(a, b *Operation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	c.unrouted = newUnrouted(doc)
	return c, nil
}

// override sets values in the text of a YAML document. It keeps the order and the comments.
func override(source []byte, values map[string]any, limits ratelimit.Settings) ([]byte, error) {
	if len(values) == 0 && !limits.Off && len(limits.Limits) == 0 {
		return source, nil
	}
	file, err := parser.ParseBytes(source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if err := overrideLimits(file, limits); err != nil {
		return nil, err
	}
	for where, value := range values {
		path, err := yaml.PathString(where)
		if err != nil {
			return nil, err
		}
		node, err := yaml.ValueToNode(value)
		if err != nil {
			return nil, err
		}
		if _, err := path.FilterFile(file); err != nil {
			return nil, fmt.Errorf("override %s: %w", where, err)
		}
		if err := path.ReplaceWithNode(file, node); err != nil {
			return nil, fmt.Errorf("override %s: %w", where, err)
		}
	}
	return []byte(file.String()), nil
}

func newOperation(doc *openapi3.T, path string, item *openapi3.PathItem, method string, spec *openapi3.Operation) (*Operation, error) {
	op := &Operation{
		ID: spec.OperationID, Method: method, Path: path,
		route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: spec},
	}
	requirements := doc.Security
	if spec.Security != nil {
		requirements = *spec.Security
	}
	if err := op.readSecurity(requirements, enforcedSchemes); err != nil {
		return nil, err
	}
	roles, err := extensionStrings(spec.Extensions["x-roles"])
	if err != nil {
		return nil, fmt.Errorf("x-roles: %w", err)
	}
	if roles != nil && op.Anonymous {
		return nil, fmt.Errorf("x-roles needs a session, and the operation does not require one")
	}
	op.Roles = roles
	op.Limits, err = limitsOf(doc, method, spec)
	return op, err
}

// newUnrouted returns an operation with the responses that any path can have, including paths
// that are not in the contract.
func newUnrouted(doc *openapi3.T) *Operation {
	responses := openapi3.NewResponses()
	responses.Delete("default")
	for status, name := range map[string]string{
		"403": "CrossOriginRefused", "404": "NotFound", "405": "MethodNotAllowed", "500": "InternalError",
	} {
		if doc.Components == nil {
			break
		}
		if ref := doc.Components.Responses[name]; ref != nil {
			responses.Set(status, ref)
		}
	}
	spec := &openapi3.Operation{OperationID: "unrouted", Responses: responses}
	return &Operation{ID: "unrouted", route: &routers.Route{
		Spec: doc, PathItem: &openapi3.PathItem{}, Operation: spec,
	}}
}

func extensionStrings(v any) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("want a list of strings, not %v", v)
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			return nil, fmt.Errorf("want a list of strings, not %v", v)
		}
	}
	return out, nil
}

// Find returns the operation that gin routed a request to, or nil. HEAD is allowed wherever
// GET is.
func (c *Contract) Find(method, ginPath string) *Operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return c.byRoute[routeKey(method, ginPath)]
}

// Operation returns the operation with that operationId, or nil.
func (c *Contract) Operation(id string) *Operation {
	for _, op := range c.Operations {
		if op.ID == id {
			return op
		}
	}
	return nil
}

func routeKey(method, ginPath string) string { return method + " " + ginPath }

var pathParameter = regexp.MustCompile(`\{([^{}/]+)\}`)

// GinPath converts a path of the document to the syntax of gin: {x} to :x.
func GinPath(path string) string { return pathParameter.ReplaceAllString(path, ":$1") }

type operationKey struct{}

// WithOperation returns a context with the operation of a request.
func WithOperation(ctx context.Context, op *Operation) context.Context {
	return context.WithValue(ctx, operationKey{}, op)
}

// OperationFrom returns the operation of the request, or nil if its path is not in the
// contract.
func OperationFrom(ctx context.Context) *Operation {
	op, _ := ctx.Value(operationKey{}).(*Operation)
	return op
}
