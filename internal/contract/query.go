package contract

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/techtreks/auth/internal/problem"
)

// checkQuery rejects a query with parameters that the operation does not have, as the
// schema of a body does with unknown members: a misspelled filter would otherwise be
// ignored. It also rejects a query that two parsers could read differently. net/url drops
// what it cannot parse, such as a stray ";" or "%zz", and everything if there is too much.
// The validator uses the first value of a repeated parameter, and treats an empty value as
// missing (ASVS 5.0.0-1.5.3, 15.3.7).
func (op *Operation) checkQuery(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		e := invalidParameter("", unreadableQuery)
		return e.Because(err)
	}
	names := op.queryNames()
	if unknown := unknownParameters(values, names); unknown != nil {
		return problem.Invalid(unknown...)
	}
	for _, name := range names {
		switch given := values[name]; {
		case len(given) > 1:
			return invalidParameter(name, name+" is given more than once")
		case len(given) == 1 && given[0] == "":
			return invalidParameter(name, name+" is empty")
		}
	}
	return nil
}

// unknownParameters lists the parameters of a query that the operation does not have, in
// the order of their names.
func unknownParameters(values url.Values, known []string) []problem.Field {
	var fields []problem.Field
	for _, name := range slices.Sorted(maps.Keys(values)) {
		field := unknownField(name)
		if slices.Contains(known, name) || slices.Contains(fields, field) {
			continue // two names that are not repeated are one field
		}
		if fields = append(fields, field); len(fields) == maxFields {
			break
		}
	}
	return fields
}

func invalidParameter(name, sentence string) *problem.Error {
	e := *problem.InvalidFields
	e.Message, e.Fields = sentence, []problem.Field{newField(name, "invalid", sentence)}
	return &e
}

const unreadableQuery = "The query of the address cannot be read"

// queryNames lists the operation's query parameters in the order of the document.
func (op *Operation) queryNames() []string {
	var names []string
	for _, parameters := range []openapi3.Parameters{op.route.PathItem.Parameters, op.route.Operation.Parameters} {
		for _, p := range parameters {
			if p.Value.In == openapi3.ParameterInQuery {
				names = append(names, p.Value.Name)
			}
		}
	}
	return names
}
