package contract

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/techtreks/auth/internal/problem"
)

// describe converts an error of the validator to an error response. It uses only
// the names of fields and the rules of the schema, never a value, because the
// value may be a password.
//
// The fields have the order of required in the schema, and the errors of one
// field the order of its rules.
func describe(err error, root *openapi3.Schema) error {
	faults := flatten(err, nil)
	if len(faults) == 0 {
		return problem.MalformedBody.Because(errors.New("the body cannot be decoded"))
	}
	var fields []problem.Field
	seen := map[problem.Field]bool{}
	missing := false
	for _, f := range withoutRepeats(faults) {
		for _, field := range f.fields(root) {
			missing = missing || field.Code == codeRequired
			if !seen[field] {
				seen[field] = true
				fields = append(fields, field)
			}
		}
	}
	if len(fields) == 0 {
		// The body is not an object, and the schema requires no field.
		return problem.MalformedBody.Because(errors.New("the body is not an object"))
	}
	order := fieldOrder(root)
	slices.SortStableFunc(fields, func(a, b problem.Field) int {
		return cmp.Or(cmp.Compare(order(a.Field), order(b.Field)), strings.Compare(a.Field, b.Field), cmp.Compare(codeRank(a.Code), codeRank(b.Code)))
	})
	if len(fields) > maxFields {
		fields = fields[:maxFields]
	}
	if missing {
		return missingFields(root, fields)
	}
	return problem.Invalid(fields...)
}

// missingFields refuses a request that lacks fields of a schema.
func missingFields(schema *openapi3.Schema, fields []problem.Field) error {
	e := *problem.MissingFields
	e.Message, e.Fields = cmp.Or(message(schema, codeRequired), fields[0].Message), fields
	return &e
}

// maxFields bounds the number of fields in the response. The contract has the same number as
// maxItems.
const maxFields = 100

const codeRequired = "required"

// A fault is one broken rule as the validator reports it.
type fault struct {
	parameter string // name of the parameter, empty for the body
	schema    *openapi3.SchemaError
}

// withoutRepeats keeps one fault per object with unknown members. The validator
// reports one per member, and unknownFields lists all members for each. A body of
// 64 KiB has room for thousands of members, so that the quadratic work would keep
// a core busy for minutes (CWE-407).
func withoutRepeats(faults []fault) []fault {
	reported := map[*openapi3.Schema]bool{}
	return slices.DeleteFunc(faults, func(f fault) bool {
		if f.schema.SchemaField != "properties" {
			return false
		}
		repeat := reported[f.schema.Schema]
		reported[f.schema.Schema] = true
		return repeat
	})
}

// flatten returns the single faults in the validator's nested errors: none if the
// request could not be decoded.
func flatten(err error, parameter *openapi3.Parameter) []fault {
	switch e := err.(type) {
	case nil:
		return nil
	case openapi3.MultiError:
		var all []fault
		for _, one := range e {
			all = append(all, flatten(one, parameter)...)
		}
		return all
	case *openapi3filter.RequestError:
		if e.Parameter != nil && e.Err != nil && !isSchemaFault(e.Err) {
			// The parameter does not parse as its type.
			return []fault{{parameter: e.Parameter.Name, schema: &openapi3.SchemaError{SchemaField: "type", Schema: e.Parameter.Schema.Value}}}
		}
		return flatten(e.Err, e.Parameter)
	case *openapi3.SchemaError:
		if e.SchemaField == "allOf" {
			return flatten(errors.Unwrap(e.Origin), parameter)
		}
		f := fault{schema: e}
		if parameter != nil {
			f.parameter = parameter.Name
		}
		return []fault{f}
	}
	return flatten(errors.Unwrap(err), parameter)
}

func isSchemaFault(err error) bool {
	var one *openapi3.SchemaError
	var many openapi3.MultiError
	return errors.As(err, &one) || errors.As(err, &many)
}

// fields returns the invalid fields of a fault. There may be several if the body is not an
// object or has unknown members.
func (f fault) fields(root *openapi3.Schema) []problem.Field {
	e := f.schema
	name := f.parameter
	if name == "" {
		name = strings.Join(e.JSONPointer(), ".")
	}
	switch {
	case name == "" && e.SchemaField != "properties":
		// null, a list or a number instead of the object: every field is missing.
		var all []problem.Field
		for _, required := range root.Required {
			all = append(all, requiredField(required))
		}
		return all
	case e.SchemaField == "properties":
		return unknownFields(e)
	case isEmpty(e.Value) && isRequired(root, name):
		return []problem.Field{requiredField(name)}
	}
	code := cmp.Or(errorCodes[e.SchemaField], "invalid")
	sentence := message(e.Schema, e.SchemaField)
	if code == codeRequired || sentence == "" {
		// A sentence for missing fields is about the object, not this field.
		return []problem.Field{newField(name, code, plainSentence(name, e))}
	}
	if own, ok := e.Schema.Extensions["x-code"].(string); ok {
		code = own
	}
	return []problem.Field{newField(name, code, sentence)}
}

// unknownFields returns the members that are not in the schema.
func unknownFields(e *openapi3.SchemaError) []problem.Field {
	object, _ := e.Value.(map[string]any)
	var all []problem.Field
	for name := range object {
		if _, known := e.Schema.Properties[name]; !known {
			all = append(all, unknownField(name))
		}
	}
	return all
}

func requiredField(name string) problem.Field {
	return newField(name, codeRequired, name+" is required")
}

// unknownField refuses a member of a body or a query parameter that the contract does not
// have.
func unknownField(name string) problem.Field {
	return newField(name, "unknown_field", "This field is not known here")
}

// isEmpty reports whether a value of a required field counts as missing: "" and null do,
// because existing clients rely on it.
func isEmpty(v any) bool { return v == nil || v == "" }

func isRequired(root *openapi3.Schema, name string) bool {
	return root != nil && slices.Contains(root.Required, name)
}

// errorCodes maps keywords of a schema to codes.
var errorCodes = map[string]string{
	"required": codeRequired, "type": "type", "nullable": "type", "minLength": "too_short", "maxLength": "too_long",
	"pattern": "pattern", "format": "format",
}

// codeRank orders the errors of one field: those that a person must fix first come
// first. Errors of equal rank keep the order of the document.
func codeRank(code string) int {
	if i := slices.Index([]string{codeRequired, "type", "too_short", "too_long"}, code); i >= 0 {
		return i
	}
	return 4
}

// message returns the document's sentence for a violated keyword.
func message(schema *openapi3.Schema, keyword string) string {
	if schema == nil {
		return ""
	}
	messages, _ := schema.Extensions["x-messages"].(map[string]any)
	sentence, _ := messages[keyword].(string)
	return sentence
}

// plainSentence returns a sentence for a rule without a message in the document.
func plainSentence(name string, e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "required":
		return name + " is required"
	case "type", "nullable":
		kind := strings.Join(e.Schema.Type.Slice(), " or ")
		article := "a"
		if strings.ContainsAny(kind[:min(1, len(kind))], "aio") { // array, integer, object
			article = "an"
		}
		return fmt.Sprintf("%s must be %s %s", name, article, kind)
	case "minLength":
		return fmt.Sprintf("%s must be at least %d characters", name, e.Schema.MinLength)
	case "maxLength":
		return fmt.Sprintf("%s must be at most %d characters", name, *e.Schema.MaxLength)
	case "minimum":
		return fmt.Sprintf("%s must be at least %v", name, *e.Schema.Min)
	case "maximum":
		return fmt.Sprintf("%s must be at most %v", name, *e.Schema.Max)
	case "pattern", "format":
		return name + " has an invalid format"
	}
	return name + " is not valid"
}

// fieldOrder ranks fields by their position in required.
func fieldOrder(root *openapi3.Schema) func(string) int {
	return func(name string) int {
		if root != nil {
			if i := slices.Index(root.Required, name); i >= 0 {
				return i
			}
			return len(root.Required)
		}
		return 0
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,63}$`)

// newField includes a name only if it looks like the name of a field. The client chooses the
// names of unknown members, and such a name may be a misplaced secret.
func newField(name, code, sentence string) problem.Field {
	if !plainName.MatchString(name) {
		name = ""
	}
	return problem.Field{Field: name, Code: code, Message: sentence}
}
