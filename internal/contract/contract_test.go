package contract_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// loaded returns the loaded contract. The tests share it and must not change it.
var loaded = sync.OnceValues(func() (*contract.Contract, error) {
	return contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
})

func load(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoad_ReadsSessionUseOfOperations(t *testing.T) {
	c := load(t)
	for id, want := range map[string]contract.SessionUse{
		"getHealth": contract.SessionIgnored, "register": contract.SessionIgnored,
		"login": contract.SessionOptional, "logout": contract.SessionOptional, "getCurrentUser": contract.SessionOptional,
		"getProfile": contract.SessionRequired,
	} {
		op := c.Operation(id)
		if op == nil {
			t.Fatalf("no operation %s", id)
		}
		if op.Session != want {
			t.Errorf("%s: session use %d, want %d", id, op.Session, want)
		}
	}
}

func TestFind_ReturnsGetOperationForHead(t *testing.T) {
	c := load(t)
	if got := c.Find("HEAD", "/docs/:asset"); got == nil || got.ID != "getDocsAsset" {
		t.Errorf("HEAD /docs/:asset is %+v", got)
	}
	if got := c.Find("HEAD", "/auth/login"); got != nil {
		t.Errorf("HEAD /auth/login is %s, want nothing", got.ID)
	}
}

func TestLoad_AppliesOverridesToYAMLAndJSON(t *testing.T) {
	c, err := contract.Load(api.OpenAPI, map[string]any{
		"$.servers[0].url":                          "https://auth.example.com",
		"$.components.securitySchemes.session.name": "__Host-session",
	}, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(c.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Servers[0].URL; got != "https://auth.example.com" {
		t.Errorf("server in the JSON is %q", got)
	}
	if got := doc.Components.SecuritySchemes["session"].Value.Name; got != "__Host-session" {
		t.Errorf("cookie in the JSON is %q", got)
	}
	for _, want := range []string{"url: https://auth.example.com", "name: __Host-session", "# The contract."} {
		if !strings.Contains(string(c.YAML), want) {
			t.Errorf("the YAML lacks %q", want)
		}
	}
}

// parameterWith returns the YAML of a parameter with additional members in its schema.
func parameterWith(schema string) string {
	return "      parameters: [{name: q, in: query, schema: {type: string, " + schema + "}}]\n"
}

const minimal = `openapi: 3.0.3
info: {title: t, version: "1"}
components:
  schemas:
    Role: {type: string, enum: [user, admin]}
  securitySchemes:
    session: {type: apiKey, in: cookie, name: session}
    token: {type: http, scheme: bearer}
paths:
  /x:
    get:
      operationId: x
      responses: {'200': {description: d}}
`

func TestLoad_RejectsUnenforcedExtensions(t *testing.T) {
	tests := map[string]struct{ add, want string }{
		"another security scheme":        {"      security: [{token: []}]\n", "not enforced"},
		"another scheme as alternative":  {"      security: [{session: []}, {token: []}]\n", "not enforced"},
		"two schemes together":           {"      security: [{session: [], token: []}]\n", "not enforced"},
		"scopes":                         {"      security: [{session: [write]}]\n", "not enforced"},
		"unenforced scheme at the root":  {"security: [{token: []}]\n", "not enforced"},
		"roles without a session":        {"      x-roles: [admin]\n", "x-roles needs a session"},
		"roles with an optional session": {"      security: [{}, {session: []}]\n      x-roles: [admin]\n", "x-roles needs a session"},
		"roles not in a list":            {"      security: [{session: []}]\n      x-roles: admin\n", "list of strings"},
		"empty roles":                    {"      security: [{session: []}]\n      x-roles: []\n", "list of strings"},
		"misspelled extension":           {"      security: [{session: []}]\n      x-role: [admin]\n", "x-role is not enforced"},
		"extension of a parameter":       {"      parameters: [{name: q, in: query, x-sunset: '2020-01-01', schema: {type: string}}]\n", "x-sunset is not enforced"},
		"limit not in a list":            {"      x-rate-limit: 5 per minute\n", "list of strings"},
		"misspelled unit of a limit":     {"      x-rate-limit: [5 per minut]\n", "is not a limit"},
		"limit of zero":                  {"      x-rate-limit: [0 per minute]\n", "is not a limit"},
		"limit above the maximum":        {"      x-rate-limit: [1000001 per day]\n", "at most"},
		"limit per unknown key":          {"      x-rate-limit: [5 per minute per user]\n", "is not a limit"},
		"contradicting limits":           {"      x-rate-limit: [5 per minute, 6 per minute]\n", "do not go together"},
		"limit counted in two places":    {"      x-rate-limit: [5 per minute, 6 per hour in process]\n", "do not go together"},
		"misspelled limit extension":     {"      x-rate-limits: [5 per minute]\n", "x-rate-limits is not enforced"},
		"misspelled limit at the root":   {"x-rate-limits: [5 per minute]\n", "x-rate-limits is not enforced"},
		"invalid limit at the root":      {"x-rate-limit: [often]\n", "is not a limit"},
		"unknown role":                   {"      security: [{session: []}]\n      x-roles: [amdin]\n", "not in the schema Role"},
		"empty role":                     {"      security: [{session: []}]\n      x-roles: ['']\n", "not in the schema Role"},
		"messages in a list":             {parameterWith("x-messages: [a]"), "x-messages must have"},
		"message for unknown keyword":    {parameterWith("x-messages: {minLenght: a}"), "invalid entry minLenght"},
		"message not a string":           {parameterWith("x-messages: {pattern: 5}"), "invalid entry pattern"},
		"code not a string":              {parameterWith("x-messages: {pattern: a}, x-code: 5"), "x-code must be"},
		"code without messages":          {parameterWith("x-code: a"), "x-code must be"},
		"refusals in a list":             {parameterWith("x-refusals: [a]"), "x-refusals must have"},
		"refusal without sentence":       {parameterWith("x-refusals: {a: ''}"), "x-refusals has"},
		"roles not strings":              {"      security: [{session: []}]\n      x-roles: [1]\n", "list of strings"},
	}
	if _, err := contract.Load([]byte(minimal), nil, ratelimit.Settings{}); err != nil {
		t.Fatalf("without the addition: %v", err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := contract.Load([]byte(minimal+test.add), nil, ratelimit.Settings{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestLoad_AcceptsDocumentWithoutComponents(t *testing.T) {
	const text = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {/x: {get: {operationId: x, responses: {'200': {description: d}}}}}\n"
	if _, err := contract.Load([]byte(text), nil, ratelimit.Settings{}); err != nil {
		t.Error(err)
	}
}

func TestLoad_RejectsOverrideOfMissingPath(t *testing.T) {
	if _, err := contract.Load([]byte(minimal), map[string]any{"$.servers[0].url": "https://x"}, ratelimit.Settings{}); err == nil {
		t.Error("an override that changes nothing was accepted")
	}
}
