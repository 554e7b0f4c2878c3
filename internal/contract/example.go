package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// An Example is an answer as the document shows it to its readers.
type Example struct {
	Operation string // as in Outcome
	Status    int
	Name      string
	Value     any
}

func (e Example) String() string {
	return fmt.Sprintf("%s %d example %s", e.Operation, e.Status, e.Name)
}

// Examples lists the examples of every answer, in the order of the operations.
func (c *Contract) Examples() []Example {
	var all []Example
	for _, op := range append(slices.Clone(c.Operations), c.unrouted) {
		for _, text := range slices.Sorted(maps.Keys(op.route.Operation.Responses.Map())) {
			if status, err := strconv.Atoi(text); err == nil {
				all = append(all, op.examples(status)...)
			}
		}
	}
	return all
}

// ExamplesLike lists the examples that an answer is like. op is nil for an
// address that is not in the contract.
func (c *Contract) ExamplesLike(op *Operation, status int, body []byte) []Example {
	if op == nil || status == 405 {
		op = c.unrouted
	}
	return slices.DeleteFunc(op.examples(status), func(e Example) bool { return !e.IsLike(body) })
}

func (op *Operation) examples(status int) (list []Example) {
	response := op.route.Operation.Responses.Status(status)
	if response == nil {
		return nil
	}
	for _, mediaType := range slices.Sorted(maps.Keys(response.Value.Content)) {
		examples := response.Value.Content[mediaType].Examples
		for _, name := range slices.Sorted(maps.Keys(examples)) {
			list = append(list, Example{Operation: op.ID, Status: status, Name: name, Value: examples[name].Value.Value})
		}
	}
	return list
}

// said are the members whose words an example promises; those of the others,
// such as names and times, are somebody's.
var said = []string{"code", "error", "event", "field", "message", "msg", "outcome", "reason", "role", "state"}

// IsLike says whether a body is what the example shows: it has the members of
// the example, with the same words, the same booleans, and something of the same
// kind for the rest. Of a list it has what the example lists, and more only if
// that is not empty. An example of text is how it begins.
func (e Example) IsLike(body []byte) bool {
	if text, ok := e.Value.(string); ok {
		return bytes.HasPrefix(body, []byte(text))
	}
	var got any
	return json.Unmarshal(body, &got) == nil && like("", e.Value, got)
}

func like(name string, shown, got any) bool {
	switch shown := shown.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		for member, value := range shown {
			ok = ok && like(member, value, got[member])
		}
		return ok
	case []any:
		got, ok := got.([]any)
		for _, value := range shown {
			ok = ok && slices.ContainsFunc(got, func(g any) bool { return like("", value, g) })
		}
		return ok && (len(shown) > 0 || len(got) == 0)
	case string:
		got, ok := got.(string)
		return ok && (got == shown || !slices.Contains(said, name))
	case bool, nil:
		return shown == got
	default:
		_, ok := got.(float64)
		return ok
	}
}
