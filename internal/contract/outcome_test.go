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
}

func TestAnswerIsLikeAnExample(t *testing.T) {
	shown := map[string]any{"ok": true, "msg": "done", "user": map[string]any{"id": 1.0, "name": "alice", "role": "user"}, "list": []any{map[string]any{"id": 7.0}}}
	for body, want := range map[string]bool{
		`{"ok":true,"msg":"done","user":{"id":9,"name":"bob","role":"user"},"list":[{"id":8},{"id":9}],"more":1}`: true,
		`{"ok":false,"msg":"done","user":{"id":9,"name":"bob","role":"user"},"list":[{"id":8}]}`:                  false,
		`{"ok":true,"msg":"other","user":{"id":9,"name":"bob","role":"user"},"list":[{"id":8}]}`:                  false,
		`{"ok":true,"msg":"done","user":{"id":9,"name":"bob","role":"admin"},"list":[{"id":8}]}`:                  false,
		`{"ok":true,"msg":"done","user":{"id":9,"name":null,"role":"user"},"list":[{"id":8}]}`:                    false,
		`{"ok":true,"msg":"done","user":null,"list":[{"id":8}]}`:                                                  false,
		`{"ok":true,"msg":"done","user":{"id":9,"name":"bob","role":"user"},"list":[]}`:                           false,
		`not JSON`: false,
	} {
		if got := (contract.Example{Value: shown}).IsLike([]byte(body)); got != want {
			t.Errorf("%s: %t, want %t", body, got, want)
		}
	}
	text := contract.Example{Value: "<!doctype html>"}
	if !text.IsLike([]byte("<!doctype html><p>")) || text.IsLike([]byte("<p>")) {
		t.Error("an example of text is how it begins")
	}
	if empty := (contract.Example{Value: []any{}}); !empty.IsLike([]byte("[]")) || empty.IsLike([]byte("[1]")) {
		t.Error("an example of nothing is like nothing else")
	}
}

func TestExamplesAreThoseOfTheDocument(t *testing.T) {
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range c.Examples() {
		names = append(names, e.String())
	}
	for _, want := range []string{"login 401 example invalid", "register 409 example username", "unrouted 405 example methodNotAllowed"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
