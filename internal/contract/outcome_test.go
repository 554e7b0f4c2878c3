package contract_test

import (
	"slices"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

func TestOutcomesAreThoseOfTheDocument(t *testing.T) {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	all := c.Outcomes()
	for _, want := range []contract.Outcome{
		{Operation: "register", Status: 201},
		{Operation: "register", Status: 409, Code: "username_taken"},
		{Operation: "login", Status: 401, Code: "invalid_credentials"},
		{Operation: "unrouted", Status: 405, Code: "method_not_allowed"},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, o := range all {
		if o.Status >= 400 && o.Code == "" {
			t.Errorf("%s has no code", o)
		}
		if again, err := contract.ParseOutcome(o.String()); err != nil || again != o {
			t.Errorf("%q is read as %+v, %v", o, again, err)
		}
	}
}

func TestOutcomeOfAnAnswer(t *testing.T) {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	login := c.Operation("login")
	for want, got := range map[string]contract.Outcome{
		"login 200":                       c.OutcomeOf(login, 200, []byte(`{"ok":true,"code":"x"}`)),
		"login 401 invalid_credentials":   c.OutcomeOf(login, 401, []byte(`{"code":"invalid_credentials"}`)),
		"unrouted 404 not_found":          c.OutcomeOf(nil, 404, []byte(`{"code":"not_found"}`)),
		"unrouted 405 method_not_allowed": c.OutcomeOf(login, 405, []byte(`{"code":"method_not_allowed"}`)),
		"login 500":                       c.OutcomeOf(login, 500, []byte(`not JSON`)),
	} {
		if got.String() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := contract.ParseOutcome("login two hundred ok"); err == nil {
		t.Error("nonsense is read as an outcome")
	}
}
