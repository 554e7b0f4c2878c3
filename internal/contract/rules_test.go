package contract_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"

	"github.com/techtreks/auth/api"
)

// read parses the contract without package contract.
func read() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(api.OpenAPI) }

var readOnce = sync.OnceValues(read)

// document returns the parsed contract. The tests share it and must not change it.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// walk calls visit for every schema below a schema, itself included.
func walk(where string, ref *openapi3.SchemaRef, visit func(where string, s *openapi3.Schema)) {
	if ref == nil || ref.Value == nil {
		return
	}
	s := ref.Value
	visit(where, s)
	for name, property := range s.Properties {
		walk(where+"."+name, property, visit)
	}
	walk(where+"[]", s.Items, visit)
	for _, parts := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		for i, part := range parts {
			walk(fmt.Sprintf("%s#%d", where, i), part, visit)
		}
	}
}

// everySchema walks all schemas: named schemas, and those of parameters, headers
// and bodies.
func everySchema(doc *openapi3.T, visit func(where string, s *openapi3.Schema)) {
	for name, ref := range doc.Components.Schemas {
		walk(name, ref, visit)
	}
	for name, header := range doc.Components.Headers {
		walk("header "+name, header.Value.Schema, visit)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for _, p := range op.Parameters {
				walk(method+" "+path+" "+p.Value.Name, p.Value.Schema, visit)
			}
			if op.RequestBody != nil {
				for media, m := range op.RequestBody.Value.Content {
					walk(method+" "+path+" "+media, m.Schema, visit)
				}
			}
			for status, response := range op.Responses.Map() {
				for media, m := range response.Value.Content {
					walk(method+" "+path+" "+status+" "+media, m.Schema, visit)
				}
			}
		}
	}
}

func TestSchema_IsBoundedAndClosed(t *testing.T) {
	everySchema(document(t), func(where string, s *openapi3.Schema) {
		part := strings.Contains(where, "#") // the schema around the part has the bound
		switch {
		case s.Type.Is("string") && s.MaxLength == nil && len(s.Enum) == 0 && !part:
			t.Errorf("%s: a string without maxLength", where)
		case s.Type.Is("array") && s.MaxItems == nil:
			t.Errorf("%s: an array without maxItems", where)
		case s.Type.Is("integer") && (s.Min == nil || s.Max == nil):
			t.Errorf("%s: an integer without bounds", where)
		case s.Type.Is("object") && s.AdditionalProperties.Has == nil:
			t.Errorf("%s: an object without additionalProperties", where)
		case s.Type.Is("object") && *s.AdditionalProperties.Has && where != "ContractDocument" && !strings.Contains(where, "/openapi.json"):
			t.Errorf("%s: an open object", where)
		}
	})
}

func TestOperation_ListsPossibleStatuses(t *testing.T) {
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			want := []int{http.StatusForbidden, http.StatusInternalServerError}
			if op.RequestBody != nil {
				want = append(want, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
			}
			if len(op.Parameters) > 0 {
				want = append(want, http.StatusBadRequest)
			}
			if op.Security != nil { // the server loads the session
				want = append(want, http.StatusBadRequest, http.StatusServiceUnavailable)
				if !slices.ContainsFunc(*op.Security, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 }) {
					want = append(want, http.StatusUnauthorized)
				}
			}
			limited := op.Extensions["x-rate-limit"] != nil || method != http.MethodGet
			if !limited && op.Security != nil {
				t.Errorf("%s loads a session and has no limit", op.OperationID)
			}
			if limited {
				want = append(want, http.StatusTooManyRequests)
			}
			for _, status := range want {
				if op.Responses.Status(status) == nil {
					t.Errorf("%s does not list %d", op.OperationID, status)
				}
			}
			for status, response := range op.Responses.Map() {
				for _, name := range []string{"X-Request-ID", "Cache-Control"} {
					if response.Value.Headers[name] == nil {
						t.Errorf("%s %s does not have the header %s", op.OperationID, status, name)
					}
				}
				named := response.Value.Headers["RateLimit"] != nil && response.Value.Headers["RateLimit-Policy"] != nil
				if described := status < "400" || status == "429"; named != (limited && described) {
					t.Errorf("%s %s: limited is %t, RateLimit and RateLimit-Policy described is %t", op.OperationID, status, limited, named)
				}
				if status == "503" && response.Value.Headers["Retry-After"] == nil {
					t.Errorf("%s 503 does not have Retry-After", op.OperationID)
				}
			}
			if !regexp.MustCompile(`^[a-z][A-Za-z]+$`).MatchString(op.OperationID) || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s lacks an operationId in camelCase, a summary, a description or its one tag", method, path)
			}
		}
	}
}

// The order helps people who read the file. Summaries are the headlines of the API explorer.
func TestOperation_FollowsOrderOfTagsWithShortSummary(t *testing.T) {
	var ordered struct {
		Tags  []struct{ Name string }
		Paths yaml.MapSlice
	}
	if err := yaml.Unmarshal(api.OpenAPI, &ordered); err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, tag := range ordered.Tags {
		tags = append(tags, tag.Name)
	}
	last := 0
	for _, path := range ordered.Paths {
		for method, op := range document(t).Paths.Value(path.Key.(string)).Operations() {
			place := slices.Index(tags, op.Tags[0])
			if place < last {
				t.Errorf("%s %s: the tag %s stands after %s", method, path.Key, op.Tags[0], tags[last])
			}
			last = place
			if len(op.Summary) > 60 || len(strings.Fields(op.Summary)) > 8 {
				t.Errorf("%s: the summary has more than 60 characters or 8 words", op.OperationID)
			}
		}
	}
}

func TestErrorResponse_HasClosedListOfCodes(t *testing.T) {
	for _, item := range document(t).Paths.Map() {
		for _, op := range item.Operations() {
			for status, response := range op.Responses.Map() {
				if status < "400" {
					continue
				}
				body := response.Value.Content.Get("application/json")
				if body == nil {
					t.Errorf("%s %s has no JSON", op.OperationID, status)
					continue
				}
				s := body.Schema.Value
				for _, name := range []string{"ok", "error", "code", "request_id"} {
					if s.Properties[name] == nil || !slices.Contains(s.Required, name) {
						t.Errorf("%s %s: %s is not required", op.OperationID, status, name)
					}
				}
				if code := s.Properties["code"]; code == nil || len(code.Value.Enum) == 0 {
					t.Errorf("%s %s: code has no enum", op.OperationID, status)
				}
				if len(body.Examples) == 0 {
					t.Errorf("%s %s has no example", op.OperationID, status)
				}
			}
		}
	}
}

func TestMessages_ExplainKeywordsOfTheirSchema(t *testing.T) {
	doc := document(t)
	codes := doc.Components.Schemas["FieldError"].Value.Properties["code"].Value.Enum
	everySchema(doc, func(where string, s *openapi3.Schema) {
		messages, ok := s.Extensions["x-messages"].(map[string]any)
		if s.Extensions["x-messages"] != nil && !ok {
			t.Errorf("%s: x-messages is not a map", where)
		}
		has := map[string]bool{
			"required": len(s.Required) > 0, "minLength": s.MinLength > 0, "maxLength": s.MaxLength != nil,
			"pattern": s.Pattern != "", "format": s.Format != "",
		}
		for keyword, sentence := range messages {
			if !has[keyword] {
				t.Errorf("%s: a message for %s, which is not in the schema", where, keyword)
			}
			if text, ok := sentence.(string); !ok || text == "" || len(text) > 200 {
				t.Errorf("%s: the message for %s is %v", where, keyword, sentence)
			}
		}
		refusals, _ := s.Extensions["x-refusals"].(map[string]any)
		for code, sentence := range refusals {
			if !slices.Contains(codes, any(code)) || len(fmt.Sprint(sentence)) > 200 {
				t.Errorf("%s: x-refusals has %s: %v", where, code, sentence)
			}
		}
		code, ok := s.Extensions["x-code"].(string)
		if s.Extensions["x-code"] != nil && (!ok || !slices.Contains(codes, any(code))) {
			t.Errorf("%s: x-code %v is not a code of FieldError", where, s.Extensions["x-code"])
		}
		if code != "" && len(messages) == 0 {
			t.Errorf("%s: x-code without x-messages", where)
		}
	})
}

func TestExamples_MatchTheirSchemas(t *testing.T) {
	doc, err := read()
	if err != nil {
		t.Fatal(err)
	}
	// The second half proves that Validate checks examples.
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	doc.Components.Schemas["Health"].Value.Example = map[string]any{"ok": "yes"}
	if err := doc.Validate(t.Context()); err == nil {
		t.Error("a wrong example is accepted")
	}
}

// Tests see every example of a response (docs/conformance.md). The examples of error
// schemas must have the code and sentence of one of those.
func TestErrorExamples_PairCodeWithItsSentence(t *testing.T) {
	doc := document(t)
	answered := map[string]bool{}
	pair := func(example any) string {
		members, _ := example.(map[string]any)
		return fmt.Sprintf("%v: %v", members["code"], members["error"])
	}
	collect := func(responses map[string]*openapi3.ResponseRef) {
		for _, response := range responses {
			for _, media := range response.Value.Content {
				for _, example := range media.Examples {
					answered[pair(example.Value.Value)] = true
				}
			}
		}
	}
	collect(doc.Components.Responses)
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			collect(operation.Responses.Map())
		}
	}
	checked := 0
	for name, schema := range doc.Components.Schemas {
		if members, _ := schema.Value.Example.(map[string]any); members["error"] != nil {
			checked++
			if !answered[pair(members)] {
				t.Errorf("%s: no response has %s", name, pair(members))
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d examples", checked)
	}
}
