package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// An Example is a JSON answer that the document shows.
type Example struct {
	Operation string
	Status    int
	Name      string

	value any
	// excerpt is true where the schema leaves the members open: the example shows some.
	excerpt bool
}

func (e Example) String() string { return fmt.Sprintf("%s %d %s", e.Operation, e.Status, e.Name) }

// Examples lists the examples of JSON answers, in the order of the operations.
func (c *Contract) Examples() []Example {
	var all []Example
	for _, op := range append(slices.Clone(c.Operations), c.unrouted) {
		responses := op.route.Operation.Responses.Map()
		for _, status := range slices.Sorted(maps.Keys(responses)) {
			number, err := strconv.Atoi(status)
			media := responses[status].Value.Content.Get("application/json")
			if err != nil || media == nil {
				continue
			}
			closed := media.Schema.Value.AdditionalProperties.Has
			for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
				all = append(all, Example{
					Operation: op.ID, Status: number, Name: name, value: media.Examples[name].Value.Value,
					excerpt: closed == nil || *closed,
				})
			}
		}
	}
	return all
}

// SameAs reports whether an answer says what the example says. A failure has
// to have the same sentence, code and fields. Anything else has to have the
// same message and the same members, of the same types: whose name it is, and
// when, is for the reader to imagine.
func (e Example) SameAs(outcome Outcome, body []byte) bool {
	if outcome.Operation != e.Operation || outcome.Status != e.Status {
		return false
	}
	var got any
	if json.Unmarshal(body, &got) != nil {
		return false
	}
	want, isObject := plain(e.value).(map[string]any)
	object, ok := got.(map[string]any)
	if !isObject || !ok {
		return isObject == ok && sameShape(plain(e.value), got)
	}
	said := []string{"msg"}
	if e.Status >= 400 {
		said = []string{"error", "code", "fields"}
	}
	for _, name := range said {
		if !reflect.DeepEqual(want[name], object[name]) {
			return false
		}
	}
	if e.excerpt {
		maps.DeleteFunc(object, func(name string, _ any) bool { _, shown := want[name]; return !shown })
	}
	return sameShape(want, object)
}

// plain is a value of the document as encoding/json would have read it.
func plain(value any) any {
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var out any
	if json.Unmarshal(data, &out) != nil {
		return nil
	}
	return out
}

// sameShape reports whether two JSON values have the same members of the same
// types. Lists are compared by their first elements, and null is like anything:
// the document says where it may stand.
func sameShape(want, got any) bool {
	if want == nil || got == nil {
		return true
	}
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			return false
		}
		for name, value := range want {
			member, there := object[name]
			if !there || !sameShape(value, member) {
				return false
			}
		}
		return true
	case []any:
		list, ok := got.([]any)
		if !ok || (len(want) == 0) != (len(list) == 0) {
			return false
		}
		return len(want) == 0 || sameShape(want[0], list[0])
	}
	return reflect.TypeOf(want) == reflect.TypeOf(got)
}
