package contract

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/techtreks/auth/internal/problem"
)

// The server checks rules that a schema cannot express, such as a password that is too
// common. Their codes and sentences are in the contract too, in x-refusals of the schema.

// HasRefusals returns an error if a named schema lacks one of the codes. The server
// then does not start, so it sends only codes that the contract has.
func (c *Contract) HasRefusals(schema string, codes ...string) error {
	for _, code := range codes {
		if c.refusal(schema, code) == "" {
			return fmt.Errorf("contract: x-refusals of %s lacks %s", schema, code)
		}
	}
	return nil
}

// Refusal returns the error for a field with a value that is rejected with a code of a named
// schema.
func (c *Contract) Refusal(field, schema, code string) problem.Field {
	return problem.Field{Field: field, Code: code, Message: c.refusal(schema, code)}
}

func (c *Contract) refusal(schema, code string) string {
	if c.doc.Components == nil || c.doc.Components.Schemas[schema] == nil {
		return ""
	}
	refusals, _ := c.doc.Components.Schemas[schema].Value.Extensions["x-refusals"].(map[string]any)
	sentence, _ := refusals[code].(string)
	return sentence
}

// Missing returns the refusal of a request that lacks a field which the named schema does
// not require of every request. It is the same as for a field that the schema requires.
func (c *Contract) Missing(schema, field string) error {
	return missingFields(c.doc.Components.Schemas[schema].Value, []problem.Field{requiredField(field)})
}

// Check validates a value that is not part of a request against a named schema. The
// error is the sentence of the schema.
func (c *Contract) Check(schema string, value any) error {
	err := c.doc.Components.Schemas[schema].Value.VisitJSON(value, schemaOptions...)
	if fault := (*openapi3.SchemaError)(nil); errors.As(err, &fault) {
		return errors.New(cmp.Or(message(fault.Schema, fault.SchemaField), plainSentence(strings.ToLower(schema), fault)))
	}
	return err
}
