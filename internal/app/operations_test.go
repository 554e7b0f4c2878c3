package app

import (
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/techtreks/auth/api"
)

// packageOf maps the tags of the contract to packages where the names differ.
var packageOf = map[string]string{"audit": "audittrail", "service": "server", "documentation": "server"}

// A reader of the contract finds the handler of an operation by its tag.
func TestOperations_HandlerIsInThePackageOfTheTag(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	implementedBy := map[string]string{}
	handlers := reflect.TypeFor[operations]()
	for i := range handlers.NumField() {
		handler := handlers.Field(i).Type
		for j := range handler.NumMethod() {
			implementedBy[handler.Method(j).Name] = path.Base(handler.Elem().PkgPath())
		}
	}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			want := op.Tags[0]
			if name, ok := packageOf[want]; ok {
				want = name
			}
			method := strings.ToUpper(op.OperationID[:1]) + op.OperationID[1:]
			if got := implementedBy[method]; got != want {
				t.Errorf("%s has the tag %s and is in package %q", op.OperationID, op.Tags[0], got)
			}
		}
	}
}
