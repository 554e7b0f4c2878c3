package server_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

func TestRegister_NamesEveryInvalidFieldInOrder(t *testing.T) {
	const (
		length     = "Username must be 3-30 characters"
		characters = "Username can only contain letters, numbers, dots, dashes, underscores"
		address    = "Invalid email format"
		short      = "Password must be at least 8 characters"
		upper      = "Password must contain an uppercase letter"
		lower      = "Password must contain a lowercase letter"
		digit      = "Password must contain a number"
		special    = "Password must contain a special character"
	)
	tests := map[string]struct {
		username, email, password string
		want                      []apptest.Field
	}{
		"name too short":               {"ab", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "too_short", length}}},
		"name too long":                {strings.Repeat("a", 31), "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "too_long", length}}},
		"name with a space":            {"a b c", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "pattern", characters}}},
		"name with a trailing newline": {"alice\n", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "pattern", characters}}},
		"name in Cyrillic":             {"\u0430lice", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "pattern", characters}}},
		"name short and invalid":       {"a!", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "too_short", length}, {"username", "pattern", characters}}},
		"no email":                     {"alice", "alice", apptest.GoodPassword, []apptest.Field{{"email", "pattern", address}, {"email", "format", address}}},
		"seven characters":             {"alice", "a@x.example", "Tr4vel-", []apptest.Field{{"password", "too_short", short}}},
		"seven emoji":                  {"alice", "a@x.example", "Aa1\U0001F511\U0001F511\U0001F511\U0001F511", []apptest.Field{{"password", "too_short", short}}},
		"no upper case":                {"alice", "a@x.example", "tr4vel-light", []apptest.Field{{"password", "uppercase_missing", upper}}},
		"no lower case":                {"alice", "a@x.example", "TR4VEL-LIGHT", []apptest.Field{{"password", "lowercase_missing", lower}}},
		"no digit":                     {"alice", "a@x.example", "Travel-light", []apptest.Field{{"password", "digit_missing", digit}}},
		"no special character":         {"alice", "a@x.example", "Tr4vellight", []apptest.Field{{"password", "special_missing", special}}},
		"1025 characters": {"alice", "a@x.example", "Aa1-" + strings.Repeat("x", 1021),
			[]apptest.Field{{"password", "too_long", "Password must be at most 1024 characters"}}},
		"everything at once": {"a", "b", "c", []apptest.Field{
			{"username", "too_short", length},
			{"email", "too_short", address}, {"email", "pattern", address}, {"email", "format", address},
			{"password", "too_short", short}, {"password", "uppercase_missing", upper}, {"password", "digit_missing", digit}, {"password", "special_missing", special},
		}},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, test := range apptest.InOrder(tests) {
			t.Run(name, func(t *testing.T) {
				h := h.In(t)
				a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": test.username, "email": test.email, "password": test.password})
				a.Want(400, "invalid_fields")
				got := apptest.FieldsOf(t, a)
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("got fields %v, want %v", got, test.want)
				}
				if a.JSON()["error"] != test.want[0][2] {
					t.Errorf("got error %q, want %q", a.JSON()["error"], test.want[0][2])
				}
			})
		}
	})
}

func TestRegister_AcceptsValuesAtTheBounds(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for i, password := range []string{
			"Aa1!xxxx", "Aa1 xxxx", "Aa1\U0001F511\U0001F511\U0001F511\U0001F511\U0001F511", "Aa1-" + strings.Repeat("x", 1020),
			"Kayakpond7!", "Kayakpond7_", "Aa1\u00e9xxxx",
		} {
			username := fmt.Sprintf("u%d.", i)
			h.Browser().Call("POST", "/auth/register", apptest.Members{"username": username, "email": username + "x@x.example", "password": password}).Want(201, "")
		}
		h.Browser().Call("POST", "/auth/register", apptest.Members{"username": strings.Repeat("a", 30), "email": "a@x.example", "password": apptest.GoodPassword}).Want(201, "")
	})
}

func TestRegister_NamesMissingFields(t *testing.T) {
	required := func(names ...string) (all []apptest.Field) {
		for _, name := range names {
			all = append(all, apptest.Field{name, "required", name + " is required"})
		}
		return all
	}
	everything := required("username", "email", "password")
	tests := map[string]struct {
		body string
		want []apptest.Field
	}{
		"nothing":        {`{}`, everything},
		"null":           {`null`, everything},
		"a list":         {`[]`, everything},
		"a string":       {`"x"`, everything},
		"a number":       {`0`, everything},
		"false":          {`false`, everything},
		"one is missing": {`{"username":"alice","password":"Tr4vel-light"}`, required("email")},
		"one is empty":   {`{"username":"alice","email":"","password":"Tr4vel-light"}`, required("email")},
		"one is null":    {`{"username":"alice","email":null,"password":"Tr4vel-light"}`, required("email")},
		"one is missing, one is wrong": {`{"username":"a","password":"Tr4vel-light"}`,
			append([]apptest.Field{{"username", "too_short", "Username must be 3-30 characters"}}, required("email")...)},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, test := range apptest.InOrder(tests) {
			t.Run(name, func(t *testing.T) {
				h := h.In(t)
				a := h.Browser().Call("POST", "/auth/register", test.body).Want(400, "missing_fields")
				if got := apptest.FieldsOf(t, a); !reflect.DeepEqual(got, test.want) {
					t.Errorf("got fields %v, want %v", got, test.want)
				}
				if a.JSON()["error"] != "All fields required" {
					t.Errorf("got error %q, want %q", a.JSON()["error"], "All fields required")
				}
				for _, body := range []string{`{}`, `null`, `{"username":"alice"}`, `{"username":"alice","password":""}`, `{"username":null,"password":"x"}`} {
					a := h.Browser().Call("POST", "/auth/login", body).Want(400, "missing_fields")
					if a.JSON()["error"] != "missing credentials" {
						t.Errorf("login with %s: got error %q, want %q", body, a.JSON()["error"], "missing credentials")
					}
				}
			})
		}
	})
}

func TestRegister_RejectsWrongTypes(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, value := range []string{`12345`, `true`, `["x"]`, `{"a":1}`, `1e400`, `-0`, `123456789012345678901234567890`} {
			for _, name := range []string{"username", "email", "password"} {
				body := map[string]json.RawMessage{
					"username": json.RawMessage(`"alice"`), "email": json.RawMessage(`"a@x.example"`), "password": json.RawMessage(`"Tr4vel-light"`),
				}
				body[name] = json.RawMessage(value)
				a := h.Browser().Call("POST", "/auth/register", body).Want(400, "invalid_fields")
				want := apptest.Field{name, "type", name + " must be a string"}
				if got := apptest.FieldsOf(t, a); len(got) != 1 || got[0] != want {
					t.Errorf("%s as %s: got %v, want %v", name, value, got, want)
				}
			}
		}
	})
}

func TestRegister_RejectsMassAssignment(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, extra := range []string{
			`"role":"admin"`, `"email_verified":true`, `"id":7`, `"disabled_at":null`, `"created_at":"2000-01-01T00:00:00Z"`,
			`"USERNAME":"mallory"`, `"Password":"Other-passw0rd"`, `"__proto__":{}`, `"":""`,
		} {
			body := `{"username":"alice","email":"a@x.example","password":"Tr4vel-light",` + extra + `}`
			a := h.Browser().Call("POST", "/auth/register", body).Want(400, "invalid_fields")
			if got := apptest.FieldsOf(t, a)[0][1]; got != "unknown_field" {
				t.Errorf("%s: got %s, want unknown_field", extra, got)
			}
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("got %d accounts, want 0", n)
		}
	})
}

func TestRegister_ErrorsDoNotRepeatValues(t *testing.T) {
	const canary = "c4n4ry"
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, body := range []string{
			`{"username":"` + canary + `!","email":"a@x.example","password":"Tr4vel-light"}`,
			`{"username":"alice","email":"` + canary + `","password":"Tr4vel-light"}`,
			`{"username":"alice","email":"a@x.example","password":"` + canary + `"}`,
			`{"username":"alice","email":"a@x.example","password":["` + canary + `"]}`,
			`{"username":"alice","email":"a@x.example","password":"Tr4vel-light","` + canary + ` of mine":1}`,
			`{"password":"` + canary + `"`,
			`"` + canary + `"`,
		} {
			a := h.Browser().Call("POST", "/auth/register", body)
			if a.Status != 400 || strings.Contains(string(a.Body), canary) {
				t.Errorf("%s: got %d %s, want 400 without the value", body, a.Status, a.Body)
			}
		}
		if strings.Contains(h.Logs.String(), canary) {
			t.Error("the log has a value from a request")
		}
	})
}

func TestRegister_BoundsTheNumberOfInvalidFields(t *testing.T) {
	many := map[string]int{}
	for i := range 5000 {
		many[fmt.Sprintf("f%d", i)] = 1
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		a := h.Browser().Call("POST", "/auth/register", many)
		if n := len(apptest.FieldsOf(t, a)); a.Status != 400 || n != 100 {
			t.Errorf("got %d with %d fields, want 400 with 100", a.Status, n)
		}
	})
}
