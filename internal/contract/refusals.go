package contract

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// What a schema cannot say, such as that a password is too common, the server
// finds out by itself. The codes and sentences for it are the contract's all the
// same, in x-refusals of the schema.

// HasRefusals says whether a named schema has all of the codes, so that a server
// which knows others does not start.
func (c *Contract) HasRefusals(schema string, codes ...string) error {
	for _, code := range codes {
		if c.refusal(schema, code) == "" {
			return fmt.Errorf("contract: x-refusals of %s lacks %s", schema, code)
		}
	}
	return nil
}

// Refusal is the answer's part about a field whose value is refused with a code
// of a named schema.
func (c *Contract) Refusal(field, schema, code string) Field {
	return Field{Field: field, Code: code, Message: c.refusal(schema, code)}
}

func (c *Contract) refusal(schema, code string) string {
	if c.doc.Components == nil || c.doc.Components.Schemas[schema] == nil {
		return ""
	}
	refusals, _ := c.doc.Components.Schemas[schema].Value.Extensions["x-refusals"].(map[string]any)
	sentence, _ := refusals[code].(string)
	return sentence
}

// Check says what a named schema has against a value, in the schema's own
// sentence, for values that do not come in a request.
func (c *Contract) Check(schema string, value any) error {
	err := c.doc.Components.Schemas[schema].Value.VisitJSON(value, schemaOptions...)
	if fault := (*openapi3.SchemaError)(nil); errors.As(err, &fault) {
		return errors.New(cmp.Or(message(fault.Schema, fault.SchemaField), plainSentence(strings.ToLower(schema), fault)))
	}
	return err
}

// Refuse makes one failure of fields, or nil of none.
func Refuse(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Status: http.StatusBadRequest, Code: codeInvalid, Message: fields[0].Message, Fields: slices.Clone(fields)}
}
