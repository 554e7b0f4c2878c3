package problem_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/problem"
)

type failure struct {
	status int
	code   string
}

// documented returns every status and code of the contract.
func documented(t *testing.T) map[failure]bool {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	all := map[failure]bool{}
	add := func(status int, ref *openapi3.ResponseRef) {
		if ref == nil || ref.Value.Content.Get("application/json") == nil {
			return
		}
		for _, code := range ref.Value.Content.Get("application/json").Schema.Value.Properties["code"].Value.Enum {
			all[failure{status, code.(string)}] = true
		}
	}
	add(http.StatusMethodNotAllowed, doc.Components.Responses["MethodNotAllowed"])
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for status := 400; status < 600; status++ {
				add(status, op.Responses.Status(status))
			}
		}
	}
	return all
}

func TestAll_AgreesWithTheContract(t *testing.T) {
	contract := documented(t)
	listed := map[failure]bool{}
	for _, e := range problem.All {
		f := failure{e.Status, e.Code}
		listed[f] = true
		if !contract[f] {
			t.Errorf("%d %s is not in the contract", f.status, f.code)
		}
	}
	for f := range contract {
		if !listed[f] {
			t.Errorf("%d %s is in the contract, and no problem has it", f.status, f.code)
		}
	}
}

// variables returns the names of the problems that problem.go declares, and those in All,
// both in the order of the file.
func variables(t *testing.T) (declared, listed []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		switch {
		case !ok:
			return true
		case spec.Names[0].Name != "All":
			declared = append(declared, spec.Names[0].Name)
			return false
		}
		for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
			listed = append(listed, e.(*ast.Ident).Name)
		}
		return false
	})
	return declared, listed
}

func TestAll_HasEveryProblemInAlphabeticalOrder(t *testing.T) {
	declared, listed := variables(t)
	if len(declared) == 0 || !slices.Equal(declared, listed) {
		t.Errorf("All is %v, want %v", listed, declared)
	}
	if !slices.IsSorted(declared) {
		t.Errorf("the problems are not in alphabetical order: %v", declared)
	}
	seen := map[string]bool{}
	for _, e := range problem.All {
		key := e.Code + e.Message
		if seen[key] && e.Code != problem.AccountDisabled.Code {
			t.Errorf("%s is listed twice", e.Code)
		}
		seen[key] = true
		if strings.TrimSpace(e.Message) == "" {
			t.Errorf("%s has no sentence", e.Code)
		}
	}
}

func TestAll_EventsAreInTheContract(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	names := doc.Components.Schemas["AuditEventName"].Value.Enum
	for _, e := range problem.All {
		if e.Event != "" && !slices.Contains(names, any(e.Event)) {
			t.Errorf("%s has the event %q, which the contract lacks", e.Code, e.Event)
		}
	}
}

func TestError_CopiesAreTheSameProblem(t *testing.T) {
	cause := errors.New("the cause")
	e := problem.RateLimited.Because(cause).After(3).RecordedAs("event")
	if !errors.Is(e, problem.RateLimited) || !errors.Is(e, cause) || errors.Is(e, problem.Busy) {
		t.Errorf("got %v", e)
	}
	if problem.RateLimited.Cause != nil || problem.RateLimited.RetryAfter != 0 || problem.RateLimited.Event != "" {
		t.Error("the problem itself has changed")
	}
	if errors.Is(problem.AccountDisabled, problem.RecipientDisabled) || errors.Is(problem.EmailInUse, problem.EmailTaken) {
		t.Error("two problems with one code are the same")
	}
}

func TestInvalid_HasTheSentenceOfTheFirstField(t *testing.T) {
	if problem.Invalid() != nil {
		t.Error("no field is a problem")
	}
	var e *problem.Error
	fields := []problem.Field{{Field: "a", Code: "x", Message: "first"}, {Field: "b", Code: "y", Message: "second"}}
	if !errors.As(problem.Invalid(fields...), &e) || e.Message != "first" || e.Code != "invalid_fields" || !slices.Equal(e.Fields, fields) {
		t.Errorf("got %+v", e)
	}
}
