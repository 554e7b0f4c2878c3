package contract

import (
	"net/http"
	"net/url"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/techtreks/auth/internal/problem"
)

// checkQuery rejects a query that two parsers could read differently, if the
// operation has query parameters. net/url drops what it cannot parse, such as a
// stray ";" or "%zz", and everything if there is too much: the server would then
// ignore a filter that the client sent. The validator uses the first value of a
// repeated parameter, and treats an empty value as missing
// (ASVS 5.0.0-1.5.3, 15.3.7).
func (op *Operation) checkQuery(r *http.Request) error {
	names := op.queryNames()
	if len(names) == 0 {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		e := invalidParameter("", unreadableQuery)
		return e.Because(err)
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
