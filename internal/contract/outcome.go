package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// An Outcome is one possible result of an operation, as a client distinguishes them: by the status
// and, for an error, by the code in the body.
type Outcome struct {
	Operation string // the operationId, or "unrouted" for a path that is not in the contract
	Status    int
	Code      string // empty for a response without a code
}

func (o Outcome) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", o.Operation, o.Status, o.Code))
}

// Outcomes lists the outcomes of all operations in their order, then those of paths that are not
// in the contract.
func (c *Contract) Outcomes() []Outcome {
	var all []Outcome
	for _, op := range append(slices.Clone(c.Operations), c.unrouted) {
		var own []Outcome
		for status, ref := range op.route.Operation.Responses.Map() {
			number, err := strconv.Atoi(status)
			if err != nil {
				continue // "default" names no status that a test could see
			}
			for _, code := range codesOf(ref.Value) {
				own = append(own, Outcome{Operation: op.ID, Status: number, Code: code})
			}
		}
		slices.SortFunc(own, func(a, b Outcome) int { return strings.Compare(a.String(), b.String()) })
		all = append(all, own...)
	}
	return all
}

// OutcomeOf returns the outcome of a response. op is nil for a path or method that is not in the
// contract.
func (c *Contract) OutcomeOf(op *Operation, status int, body []byte) Outcome {
	if op == nil {
		op = c.unrouted
	}
	outcome := Outcome{Operation: op.ID, Status: status}
	var failure struct {
		Code string `json:"code"`
	}
	if status >= 400 && json.Unmarshal(body, &failure) == nil {
		outcome.Code = failure.Code
	}
	return outcome
}

// codesOf lists the codes of a response: one empty code if it has none.
func codesOf(response *openapi3.Response) []string {
	media := response.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return []string{""}
	}
	var codes []string
	for _, value := range property(media.Schema.Value, "code") {
		if code, ok := value.(string); ok {
			codes = append(codes, code)
		}
	}
	if codes == nil {
		return []string{""}
	}
	return codes
}

// property returns the enum of a member, wherever the schema defines it.
func property(schema *openapi3.Schema, name string) []any {
	if member := schema.Properties[name]; member != nil && member.Value != nil && member.Value.Enum != nil {
		return member.Value.Enum
	}
	for _, parts := range []openapi3.SchemaRefs{schema.AllOf, schema.OneOf, schema.AnyOf} {
		var found []any
		for _, part := range parts {
			found = append(found, property(part.Value, name)...)
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// An AuditEvent is the name of an event that the audit trail can contain.
type AuditEvent string

func (e AuditEvent) String() string { return "event " + string(e) }

// AuditEvents lists the audit events in the order of the document.
func (c *Contract) AuditEvents() []AuditEvent {
	var all []AuditEvent
	for _, name := range c.doc.Components.Schemas["AuditEventName"].Value.Enum {
		all = append(all, AuditEvent(name.(string)))
	}
	return all
}
