package contract_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/contract"
)

func TestOutcomes_ListStatusesAndCodes(t *testing.T) {
	c := load(t)
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

func TestOutcomeOf_ReadsStatusAndCode(t *testing.T) {
	c := load(t)
	login := c.Operation("login")
	for want, got := range map[string]contract.Outcome{
		"login 200":                       c.OutcomeOf(login, 200, []byte(`{"ok":true,"code":"x"}`)),
		"login 401 invalid_credentials":   c.OutcomeOf(login, 401, []byte(`{"code":"invalid_credentials"}`)),
		"unrouted 404 not_found":          c.OutcomeOf(nil, 404, []byte(`{"code":"not_found"}`)),
		"unrouted 405 method_not_allowed": c.OutcomeOf(nil, 405, []byte(`{"code":"method_not_allowed"}`)),
		"login 405 method_not_allowed":    c.OutcomeOf(login, 405, []byte(`{"code":"method_not_allowed"}`)),
		"login 500":                       c.OutcomeOf(login, 500, []byte(`not JSON`)),
	} {
		if got.String() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestIsLike_ComparesBodyWithExample(t *testing.T) {
	shown := map[string]any{
		"ok": true, "msg": "done", "user": map[string]any{"id": 1.0, "username": "alice", "locale": "en", "seen_at": "2026-03-01T09:30:00Z", "role": "user", "gone": nil},
		"list": []any{map[string]any{"id": 7.0}}, "words": []any{"en", "de"}, "fields": []any{map[string]any{"field": "a", "code": "b", "more": "c"}},
	}
	const like = `{"ok":true,"msg":"done","user":{"id":9,"username":"bob","locale":"en","seen_at":"2026-04-01T09:30:00Z","role":"user","gone":null},"list":[{"id":8}],"words":["en","de"],"fields":[{"field":"a","code":"b","more":"c"}]}`
	if e := (contract.Example{Value: shown}); !e.IsLike([]byte(like)) || e.IsLike([]byte("not JSON")) {
		t.Error("a matching body does not match, or another one does")
	}
	for name, change := range map[string][2]string{
		"another boolean":     {`"ok":true`, `"ok":false`},
		"another message":     {`"done"`, `"other"`},
		"another role":        {`"role":"user"`, `"role":"admin"`},
		"another language":    {`"locale":"en"`, `"locale":"de"`},
		"one other word":      {`["en","de"]`, `["en","fr"]`},
		"null for a text":     {`"bob"`, `null`},
		"null for an object":  {`{"id":9,"username":"bob","locale":"en","seen_at":"2026-04-01T09:30:00Z","role":"user","gone":null}`, `null`},
		"time for null":       {`"gone":null`, `"gone":"2026-03-01T09:30:00Z"`},
		"null left out":       {`,"gone":null`, ``},
		"missing member":      {`"ok":true,`, ``},
		"additional member":   {`"ok":true`, `"ok":true,"more":1`},
		"empty list":          {`[{"id":8}]`, `[]`},
		"longer list":         {`[{"id":8}]`, `[{"id":8},{"id":9}]`},
		"another field":       {`"field":"a"`, `"field":"x"`},
		"another text of it":  {`"more":"c"`, `"more":"x"`},
		"additional field":    {`"more":"c"}`, `"more":"c"},{"field":"x"}`},
		"number for a text":   {`"bob"`, `7`},
		"text for a number":   {`"id":9`, `"id":"9"`},
		"object for the list": {`[{"id":8}]`, `{"id":8}`},
	} {
		body := strings.Replace(like, change[0], change[1], 1)
		if body == like || (contract.Example{Value: shown}).IsLike([]byte(body)) {
			t.Errorf("%s: matches the example", name)
		}
	}
	text := contract.Example{Value: "<!doctype html>"}
	if !text.IsLike([]byte("<!doctype html><p>")) || text.IsLike([]byte("<p>")) {
		t.Error("a text must start with the example")
	}
	if empty := (contract.Example{Value: []any{}}); !empty.IsLike([]byte("[]")) || empty.IsLike([]byte("[1]")) {
		t.Error("an empty list must match only an empty list")
	}
}

func TestExamples_ListResponsesSchemasAndHeaders(t *testing.T) {
	c := load(t)
	var names []string
	for _, e := range c.Examples() {
		names = append(names, e.String())
	}
	for _, want := range []string{
		"login 401 example invalid", "register 409 example username", "unrouted 405 example methodNotAllowed",
		"schema SessionList", "schema SessionInfo", "schema AuditEvent", "header SetSessionCookie", "header RetryAfter",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestExamplesLike_FindsPartsAndHeaders(t *testing.T) {
	c := load(t)
	const session = `{"id":5,"created_at":"2026-03-01T09:30:00Z","last_seen_at":"2026-03-01T09:30:00Z","ip":"192.0.2.9","user_agent":"curl/8.0","browser":"curl","os":"","current":true}`
	token := strings.Repeat("A", 43)
	tests := map[string]struct {
		operation, body, header, value string
		want                           string
		like                           bool
	}{
		"schema":           {"listSessions", `{"ok":true,"sessions":[` + session + `]}`, "", "", "schema SessionInfo", true},
		"property":         {"listSessions", `{"ok":true,"sessions":[` + session + `]}`, "", "", "schema SessionInfo.current", true},
		"other property":   {"listSessions", `{"ok":true,"sessions":[` + strings.Replace(session, "true", "false", 1) + `]}`, "", "", "schema SessionInfo.current", false},
		"text":             {"getProfile", `{"role":"user"}`, "", "", "schema Role", true},
		"other text":       {"getProfile", `{"role":"admin"}`, "", "", "schema Role", false},
		"empty list":       {"listSessions", `{"ok":true,"sessions":[]}`, "", "", "schema SessionInfo", false},
		"other schema":     {"listSessions", `{"ok":true,"sessions":[` + strings.Replace(session, "true", "false", 1) + `]}`, "", "", "schema SessionInfo", false},
		"cookie":           {"login", "{}", "Set-Cookie", "session=" + token + "." + token + "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax", "header SetSessionCookie", true},
		"cookie with part": {"login", "{}", "Set-Cookie", "session=" + token + "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax", "header SetSessionCookie", false},
		"other cookie":     {"login", "{}", "Set-Cookie", "session=" + token + "." + token + "; Path=/; Max-Age=86400", "header SetSessionCookie", false},
		"no cookie":        {"login", "{}", "", "", "header SetSessionCookie", false},
		"remaining":        {"login", "{}", "RateLimit", `"minute";r=4;t=60`, "header RateLimit", true},
		"other window":     {"login", "{}", "RateLimit", `"hour";r=4;t=60`, "header RateLimit", false},
	}
	for name, test := range tests {
		header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
		if test.header != "" {
			header.Set(test.header, test.value)
		}
		got := slices.ContainsFunc(c.ExamplesLike(c.Operation(test.operation), 200, header, []byte(test.body)), func(e contract.Example) bool { return e.String() == test.want })
		if got != test.like {
			t.Errorf("%s: %t, want %t", name, got, test.like)
		}
	}
}

func TestExamplesSent_FindsParametersAndBody(t *testing.T) {
	c := load(t)
	token := strings.Repeat("A", 43)
	for name, test := range map[string]struct {
		operation, method, target, body string
		want                            string
		sent                            bool
	}{
		"body":               {"createUser", "POST", "/auth/admin/users", `{"username":"eve","email":"eve@example.com","role":"user"}`, "schema Invitation", true},
		"additional member":  {"createUser", "POST", "/auth/admin/users", `{"username":"eve","email":"eve@example.com","role":"user","locale":"en"}`, "schema Invitation", false},
		"other role":         {"createUser", "POST", "/auth/admin/users", `{"username":"eve","email":"eve@example.com","role":"admin"}`, "schema Invitation", false},
		"invalid JSON":       {"createUser", "POST", "/auth/admin/users", `{"username":`, "schema Invitation", false},
		"property of a body": {"login", "POST", "/auth/login", `{"username":"alice"}`, "schema Credentials.username", true},
		"path":               {"verifyEmailByLink", "GET", "/auth/verify/" + token, "", "schema LinkToken", true},
		"other path":         {"verifyEmailByLink", "GET", "/auth/verify/x", "", "schema LinkToken", false},
		"query":              {"listUsers", "GET", "/auth/admin/users?search=bo", "", "schema UserSearch", true},
		"other query":        {"listUsers", "GET", "/auth/admin/users?search=xy", "", "schema UserSearch", false},
	} {
		r := httptest.NewRequest(test.method, test.target, nil)
		got := slices.ContainsFunc(c.ExamplesSent(c.Operation(test.operation), r, []byte(test.body)), func(e contract.Example) bool { return e.String() == test.want })
		if got != test.sent {
			t.Errorf("%s: %t, want %t", name, got, test.sent)
		}
	}
}

func TestHeaderExamples_MatchSchemasAndAreSendable(t *testing.T) {
	doc := document(t)
	for name, header := range doc.Components.Headers {
		if err := header.Value.Schema.Value.VisitJSON(header.Value.Example); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if text, ok := header.Value.Example.(string); ok && !regexp.MustCompile(`^[\x21-\x7E]+( [\x21-\x7E]+)*$`).MatchString(text) {
			t.Errorf("%s: %q cannot be sent", name, text)
		}
	}
}
