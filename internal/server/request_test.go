package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

func TestRegistrationFaultsAreAllNamedInOrder(t *testing.T) {
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
		"name too short":             {"ab", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "too_short", length}}},
		"name too long":              {strings.Repeat("a", 31), "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "too_long", length}}},
		"name with a space":          {"a b c", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "pattern", characters}}},
		"name with a newline behind": {"alice\n", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "pattern", characters}}},
		"name in Cyrillic":           {"\u0430lice", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "pattern", characters}}},
		"name short and wrong":       {"a!", "a@x.example", apptest.GoodPassword, []apptest.Field{{"username", "too_short", length}, {"username", "pattern", characters}}},
		"no address":                 {"alice", "alice", apptest.GoodPassword, []apptest.Field{{"email", "pattern", address}, {"email", "format", address}}},
		"seven characters":           {"alice", "a@x.example", "Tr4vel-", []apptest.Field{{"password", "too_short", short}}},
		"seven emoji":                {"alice", "a@x.example", "Aa1\U0001F511\U0001F511\U0001F511\U0001F511", []apptest.Field{{"password", "too_short", short}}},
		"no upper case":              {"alice", "a@x.example", "tr4vel-light", []apptest.Field{{"password", "uppercase_missing", upper}}},
		"no lower case":              {"alice", "a@x.example", "TR4VEL-LIGHT", []apptest.Field{{"password", "lowercase_missing", lower}}},
		"no digit":                   {"alice", "a@x.example", "Travel-light", []apptest.Field{{"password", "digit_missing", digit}}},
		"no special character":       {"alice", "a@x.example", "Tr4vellight", []apptest.Field{{"password", "special_missing", special}}},
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
					t.Errorf("got  %v\nwant %v", got, test.want)
				}
				if a.JSON()["error"] != test.want[0][2] {
					t.Errorf("error is %q", a.JSON()["error"])
				}
			})
		}
	})
}

func TestAcceptedAtTheBounds(t *testing.T) {
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

func TestMissingFields(t *testing.T) {
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
		"a text":         {`"x"`, everything},
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
					t.Errorf("got  %v\nwant %v", got, test.want)
				}
				if a.JSON()["error"] != "All fields required" {
					t.Errorf("error is %q", a.JSON()["error"])
				}
				for _, body := range []string{`{}`, `null`, `{"username":"alice"}`, `{"username":"alice","password":""}`, `{"username":null,"password":"x"}`} {
					a := h.Browser().Call("POST", "/auth/login", body).Want(400, "missing_fields")
					if a.JSON()["error"] != "missing credentials" {
						t.Errorf("login with %s: %q", body, a.JSON()["error"])
					}
				}
			})
		}
	})
}

func TestMassAssignmentIsRefused(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, extra := range []string{
			`"role":"admin"`, `"email_verified":true`, `"id":7`, `"disabled_at":null`, `"created_at":"2000-01-01T00:00:00Z"`,
			`"USERNAME":"mallory"`, `"Password":"Other-passw0rd"`, `"__proto__":{}`, `"":""`,
		} {
			body := `{"username":"alice","email":"a@x.example","password":"Tr4vel-light",` + extra + `}`
			a := h.Browser().Call("POST", "/auth/register", body).Want(400, "invalid_fields")
			if got := apptest.FieldsOf(t, a)[0][1]; got != "unknown_field" {
				t.Errorf("%s: %s", extra, got)
			}
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("%d accounts", n)
		}
	})
}

func TestBodiesThatTwoParsersCouldReadDifferently(t *testing.T) {
	good := `{"username":"alice","email":"a@x.example","password":"Tr4vel-light"}`
	tests := map[string]string{
		"empty":                   "",
		"cut short":               good[:len(good)-1],
		"bytes behind":            good + " x",
		"a second value":          good + good,
		"a brace behind":          good + "}",
		"one name twice":          `{"username":"alice","username":"mallory","email":"a@x.example","password":"Tr4vel-light"}`,
		"one name twice, escaped": `{"username":"alice","\u0075sername":"mallory","email":"a@x.example","password":"Tr4vel-light"}`,
		"a byte order mark":       "\uFEFF" + good,
		"invalid UTF-8":           `{"username":"alice` + "\xff" + `","email":"a@x.example","password":"Tr4vel-light"}`,
		"half a surrogate pair":   `{"username":"alice\ud800","email":"a@x.example","password":"Tr4vel-light"}`,
		"a control character":     "{\"username\":\"al\nice\",\"email\":\"a@x.example\",\"password\":\"Tr4vel-light\"}",
		"a comment":               `{/**/"username":"alice","email":"a@x.example","password":"Tr4vel-light"}`,
		"a trailing comma":        `{"username":"alice","email":"a@x.example","password":"Tr4vel-light",}`,
		"single quotes":           `{'username':'alice'}`,
		"NaN":                     `{"username":NaN}`,
		"deep nesting":            strings.Repeat("[", 32<<10) + strings.Repeat("]", 32<<10),
		"only brackets":           strings.Repeat("[", 64<<10),
		"UTF-16":                  "\xff\xfe{\x00}\x00",
		"NUL":                     "\x00",
		"a form":                  "username=alice&password=x",
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, body := range apptest.InOrder(tests) {
			t.Run(name, func(t *testing.T) {
				h := h.In(t)
				h.Browser().Call("POST", "/auth/register", body).Want(400, "malformed_body")
				h.Browser().Call("POST", "/auth/login", body).Want(400, "malformed_body")
			})
		}
	})
}

func TestWrongTypes(t *testing.T) {
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
					t.Errorf("%s as %s: %v", name, value, got)
				}
			}
		}
	})
}

func TestMediaTypes(t *testing.T) {
	good := `{"username":"nobody","password":"Tr4vel-light"}`
	tests := map[string]struct {
		contentType string
		status      int
		code        string
	}{
		"JSON":                {"application/json", 401, "invalid_credentials"},
		"JSON in UTF-8":       {"application/json; charset=UTF-8", 401, "invalid_credentials"},
		"JSON in capitals":    {"Application/JSON", 401, "invalid_credentials"},
		"none":                {"", 415, "unsupported_media_type"},
		"text":                {"text/plain", 415, "unsupported_media_type"},
		"a form":              {"application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		"multipart":           {"multipart/form-data; boundary=x", 415, "unsupported_media_type"},
		"JSON in UTF-16":      {"application/json; charset=utf-16", 415, "unsupported_media_type"},
		"something like it":   {"application/jsonp", 415, "unsupported_media_type"},
		"a JSON dialect":      {"application/vnd.api+json", 415, "unsupported_media_type"},
		"text behind a comma": {"application/json, text/plain", 415, "unsupported_media_type"},
		"rubbish":             {";;;", 415, "unsupported_media_type"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for name, test := range apptest.InOrder(tests) {
			t.Run(name, func(t *testing.T) {
				h := h.In(t)
				h.Browser().Call("POST", "/auth/login", good, func(r *http.Request) {
					r.Header.Del("Content-Type")
					if test.contentType != "" {
						r.Header.Set("Content-Type", test.contentType)
					}
				}).Want(test.status, test.code)
			})
		}
	})
}

func TestCompressedBodiesAreRefused(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(bytes.Repeat([]byte(" "), 50<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, encoding := range []string{"gzip", "deflate", "br"} {
			h.Browser().Call("POST", "/auth/login", bomb.String(), apptest.Header("Content-Encoding", encoding)).Want(415, "unsupported_media_type")
		}
	})
}

func TestBodySizes(t *testing.T) {
	body := func(size int) string {
		frame := `{"username":"nobody","password":""}`
		return strings.Replace(frame, `""}`, `"`+strings.Repeat("x", size-len(frame))+`"}`, 1)
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/login", body(64<<10)).Want(400, "invalid_fields")
		hashes := h.Passwords().Hashes()
		for name, edit := range apptest.InOrder(map[string]func(*http.Request){
			"declared":     func(*http.Request) {},
			"not declared": func(r *http.Request) { r.ContentLength = -1 },
		}) {
			a := h.Browser().Call("POST", "/auth/login", body(64<<10+1), edit).Want(413, "body_too_large")
			if !a.Closes {
				t.Errorf("%s: the connection is kept", name)
			}
		}
		if n := h.Passwords().Hashes() - hashes; n != 0 {
			t.Errorf("%d hashes for bodies that are too large", n)
		}
	})
}

func TestRefusalsDoNotRepeatTheValue(t *testing.T) {
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
				t.Errorf("%s:\n%d %s", body, a.Status, a.Body)
			}
		}
		if strings.Contains(h.Logs.String(), canary) {
			t.Error("a value is in the log")
		}
	})
}

func TestAnswerIsBoundedHoweverManyFaults(t *testing.T) {
	many := map[string]int{}
	for i := range 5000 {
		many[fmt.Sprintf("f%d", i)] = 1
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		a := h.Browser().Call("POST", "/auth/register", many)
		if n := len(apptest.FieldsOf(t, a)); a.Status != 400 || n != 100 {
			t.Errorf("%d with %d fields", a.Status, n)
		}
	})
}

// rubbishRequests is how many to send to each database: `make torture` sends
// far more.
func rubbishRequests(t *testing.T) int {
	t.Helper()
	text := os.Getenv("RUBBISH_REQUESTS")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Requests made of broken pieces of good ones: whatever comes, the server
// answers within the contract (which the client checks) and stays up.
func TestRubbishIsAnswered(t *testing.T) {
	pieces := []string{
		`{`, `}`, `[`, `]`, `"`, `:`, `,`, `null`, `"username"`, `"email"`, `"password"`, `"alice"`, `"a@x.example"`, `"Tr4vel-light"`,
		"\x00", "\xff", `\u0000`, `\ud83d\ude00`, `1e999`, `-1`, `true`, `{"username":"alice","email":"a@x.example","password":"Tr4vel-light"}`,
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		random := rand.New(rand.NewPCG(1, 2)) // the same for each database
		pick := func(from []string) string { return from[random.IntN(len(from))] }
		for range rubbishRequests(t) {
			var body strings.Builder
			for range random.IntN(12) {
				body.WriteString(pick(pieces))
			}
			a := b.Call(pick([]string{"POST", "POST", "POST", "GET", "PUT"}), pick([]string{"/auth/register", "/auth/login", "/auth/logout", "/auth/profile"}),
				body.String(),
				apptest.Header("Cookie", pick([]string{"session=", "session=x.y", "session=x.y; session=", "=;=", `session="`, ""})),
				apptest.Header("Authorization", pick([]string{"", "Bearer", "Basic ===", "\xff"})),
				apptest.Header("Content-Type", pick([]string{"application/json", "application/json", "text/plain", "a/b;c"})))
			if a.Status >= 500 {
				t.Fatalf("%d for %q", a.Status, body.String())
			}
		}
	})
}
