package contract

import (
	"net/http"
	"net/url"

	"github.com/getkin/kin-openapi/openapi3"
)

// checkQuery refuses a query that two readers could read differently, where the
// operation has parameters in it. net/url drops what it cannot read, a stray ";"
// or "%zz", and everything if there is too much of it: a list would be answered
// without the filter that was asked for. Of a parameter that is there twice the
// validator sees the first value alone, and to it an empty one is none
// (ASVS 5.0.0-1.5.3, 15.3.7).
func (op *Operation) checkQuery(r *http.Request) error {
	names := op.queryNames()
	if len(names) == 0 {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errInvalidQuery.Because(err)
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

func invalidParameter(name, sentence string) *Error {
	e := *errInvalidQuery
	e.Message, e.Fields = sentence, []Field{newField(name, "invalid", sentence)}
	return &e
}

var errInvalidQuery = &Error{
	Status: http.StatusBadRequest, Code: codeInvalid, Message: "The query of the address cannot be read",
	Fields: []Field{{Code: "invalid", Message: "The query of the address cannot be read"}},
}

// queryNames lists the operation's parameters in the query, in the document's order.
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
