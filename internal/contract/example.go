package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// An Example is an example from the document: of a response, of a response header, or of a schema
// that requests or responses use.
type Example struct {
	Operation string // as in Outcome; empty for headers and schemas
	Status    int    // 0 for headers and schemas
	Name      string // of the example, the schema or the header
	Value     any

	open bool // the object may have more members, or the text may go on
}

func (e Example) String() string {
	if e.Operation == "" {
		return e.Name
	}
	return fmt.Sprintf("%s %d example %s", e.Operation, e.Status, e.Name)
}

// Examples lists the examples of all responses in the order of the operations, then those of
// response headers, then those of schemas. It leaves out the examples of whole requests: a test
// sends those.
func (c *Contract) Examples() []Example {
	var all []Example
	parts := map[string]Example{}
	add := func(e Example) { parts[e.Name] = e }
	for _, op := range append(slices.Clone(c.Operations), c.unrouted) {
		for _, p := range op.route.Operation.Parameters {
			eachPart("", p.Value.Schema, map[string]bool{}, add)
		}
		if body := op.route.Operation.RequestBody; body != nil {
			eachPartIn(body.Value.Content, add)
		}
		for _, text := range slices.Sorted(maps.Keys(op.route.Operation.Responses.Map())) {
			status, err := strconv.Atoi(text)
			if err != nil {
				continue
			}
			all = append(all, op.examples(status)...)
			response := op.route.Operation.Responses.Status(status).Value
			eachPartIn(response.Content, add)
			for _, header := range response.Headers {
				add(exampleOfHeader(header))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		all = append(all, parts[name])
	}
	return all
}

// ExamplesLike lists the examples that a response matches: as a whole, in a part or in a header.
// op is nil as for OutcomeOf.
func (c *Contract) ExamplesLike(op *Operation, status int, header http.Header, body []byte) []Example {
	if op == nil {
		op = c.unrouted
	}
	found := slices.DeleteFunc(op.examples(status), func(e Example) bool { return !e.IsLike(body) })
	response := op.route.Operation.Responses.Status(status)
	if response == nil {
		return found
	}
	for name, ref := range response.Value.Headers {
		if e := exampleOfHeader(ref); sameText(fmt.Sprint(e.Value), header.Get(name)) {
			found = append(found, e)
		}
	}
	mediaType, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if media := response.Value.Content.Get(mediaType); media != nil {
		found = append(found, partsLike(media.Schema, bodyValue(mediaType, body))...)
	}
	return found
}

func (op *Operation) examples(status int) (list []Example) {
	response := op.route.Operation.Responses.Status(status)
	if response == nil {
		return nil
	}
	for _, mediaType := range slices.Sorted(maps.Keys(response.Value.Content)) {
		examples := response.Value.Content[mediaType].Examples
		for _, name := range slices.Sorted(maps.Keys(examples)) {
			list = append(list, Example{Operation: op.ID, Status: status, Name: name, Value: examples[name].Value.Value, open: isOpen(response.Value.Content[mediaType].Schema)})
		}
	}
	return list
}

func exampleOfHeader(ref *openapi3.HeaderRef) Example {
	return Example{Name: "header " + strings.TrimPrefix(ref.Ref, "#/components/headers/"), Value: ref.Value.Example}
}

func isOpen(schema *openapi3.SchemaRef) bool {
	more := schema.Value.AdditionalProperties.Has
	return more != nil && *more
}

// masks match the values that differ in every response: cursors, tokens, request IDs, remaining
// requests of a limit, and the origin of a link.
var masks = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$|[A-Za-z0-9_-]{43}|[A-Z2-7]{26}|\br=\d+;t=\d+|^https?://[^/]+`)

func masked(text string) string { return masks.ReplaceAllString(text, "…") }

// sameText reports whether two texts are equal apart from masked values. It searches the text, which may
// be a whole page, only if the example has such values.
func sameText(shown, got string) bool {
	return got == shown || masks.MatchString(shown) && masked(got) == masked(shown)
}

// variable matches members with a text that depends on the account, the client or the time. All
// other texts must equal those of the example.
var variable = regexp.MustCompile(`^(username|email|recipient|ip|user_agent|browser|os|(current_|new_)?password|token|session_hash|request_id|next_cursor|[a-z_]+_at)$`)

// IsLike reports whether a body matches the example:
//   - it has the same members and no others;
//   - texts, booleans and nulls are equal, except variable texts; numbers may differ;
//   - lists have the same length;
//   - the list of fields that broke a rule is equal;
//   - text, and objects that may have more members, only need to start like the example.
func (e Example) IsLike(body []byte) bool {
	if text, ok := e.Value.(string); ok {
		return bytes.HasPrefix(body, []byte(text))
	}
	var got any
	return json.Unmarshal(body, &got) == nil && e.isLike(got)
}

func (e Example) isLike(got any) bool {
	if shown, ok := e.Value.(map[string]any); ok && e.open {
		got, _ := got.(map[string]any)
		begin := map[string]any{}
		for name := range shown {
			if member, there := got[name]; there {
				begin[name] = member
			}
		}
		return like("", shown, begin)
	}
	return like("", e.Value, got)
}

func like(name string, shown, got any) bool {
	if name == "fields" {
		return reflect.DeepEqual(shown, got)
	}
	switch shown := shown.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		ok = ok && len(got) == len(shown)
		for member, value := range shown {
			part, there := got[member]
			ok = ok && there && like(member, value, part)
		}
		return ok
	case []any:
		got, ok := got.([]any)
		return ok && slices.EqualFunc(shown, got, func(shown, got any) bool { return like("", shown, got) })
	case string:
		got, ok := got.(string)
		return ok && (got == shown || variable.MatchString(name))
	case bool, nil:
		return shown == got
	default:
		_, ok := got.(float64)
		return ok
	}
}
