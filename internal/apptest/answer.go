package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// An Answer is a response with its body.
type Answer struct {
	t      testing.TB
	What   string
	Status int
	Header http.Header
	Body   []byte
	Closes bool // the server ends the connection
}

// Want fails the test unless the response has the status and, for an error, the code.
func (a *Answer) Want(status int, code string) *Answer {
	a.t.Helper()
	var got string
	if a.Status >= 400 {
		got, _ = a.JSON()["code"].(string)
	}
	if a.Status != status || got != code {
		a.t.Fatalf("%s: got %d %q, want %d %q\n%s", a.What, a.Status, got, status, code, a.Body)
	}
	return a
}

// Has fails the test unless the response has at least these members, or, if want is no
// object, exactly this text.
func (a *Answer) Has(want string) {
	a.t.Helper()
	if !strings.HasPrefix(want, "{") {
		if want != "" && string(a.Body) != want {
			a.t.Errorf("got %q, want %q", a.Body, want)
		}
		return
	}
	var expected any
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		a.t.Fatalf("%s: %v", want, err)
	}
	if !contains(a.JSON(), expected) {
		a.t.Errorf("got %s, want at least %s", a.Body, want)
	}
}

// contains reports whether got has everything in want. Lists must have the same length;
// an ID matches any number.
func contains(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for name, value := range want {
			member, there := object[name]
			if _, isNumber := member.(float64); name == "id" && isNumber {
				value = member
			}
			ok = ok && there && contains(member, value)
		}
		return ok
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !contains(list[i], want[i]) {
				return false
			}
		}
		return true
	}
	return got == want
}

// JSON parses the body as an object.
func (a *Answer) JSON() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.Body, &m); err != nil {
		a.t.Fatalf("%s: %d is not JSON: %v\n%s", a.What, a.Status, err, a.Body)
	}
	return m
}

// Cookie returns the value in the Set-Cookie header, empty if there is none.
func (a *Answer) Cookie() string {
	value, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	_, value, _ = strings.Cut(value, "=")
	return value
}

// Allow returns the methods in the Allow header, sorted.
func (a *Answer) Allow() []string {
	methods := strings.Split(a.Header.Get("Allow"), ", ")
	slices.Sort(methods)
	return methods
}

// WithoutID returns the response without the request ID in its body.
func (a *Answer) WithoutID() *Answer {
	a.t.Helper()
	id, _ := a.JSON()["request_id"].(string)
	copied := *a
	copied.Body = bytes.ReplaceAll(a.Body, []byte(id), nil)
	return &copied
}

// WithoutID writes a response as text, without what differs between any two requests.
func WithoutID(a *Answer) string {
	id := a.Header.Get("X-Request-ID")
	a.Header.Del("X-Request-ID")
	a.Header.Del("Date")
	defer a.Header.Set("X-Request-ID", id)
	return fmt.Sprint(a.Status, a.Header, strings.ReplaceAll(string(a.Body), id, "ID"))
}

// Snapshot writes the headers of a response as text, without what differs between any two
// responses.
func Snapshot(header http.Header) string {
	header = header.Clone()
	if len(header.Get("X-Request-Id")) == 26 {
		header.Set("X-Request-Id", "26 characters")
	}
	for _, name := range []string{"Date", "Content-Length"} {
		header.Del(name)
	}
	var lines []string
	for name, values := range header {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// StableParts writes the parts of a response that must not depend on request headers.
func StableParts(a *Answer) string {
	lines := strings.Split(Snapshot(a.Header), "\n")
	for i, line := range lines {
		if cookie, attributes, ok := strings.Cut(line, ";"); ok && strings.HasPrefix(line, "Set-Cookie: ") {
			name, _, _ := strings.Cut(cookie, "=")
			lines[i] = name + attributes
		}
	}
	body := string(a.Body)
	if id := a.Header.Get("X-Request-Id"); id != "" {
		body = strings.ReplaceAll(body, id, "")
	}
	return strings.Join(slices.Concat(lines, []string{body}), "\n")
}

// A Field is one entry of "fields" in a response: field, code and message.
type Field [3]string

// FieldsOf returns the rejected fields in a response.
func FieldsOf(t testing.TB, a *Answer) []Field {
	t.Helper()
	var body struct {
		Fields []struct{ Field, Code, Message string }
	}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatal(err)
	}
	var fields []Field
	for _, f := range body.Fields {
		fields = append(fields, Field{f.Field, f.Code, f.Message})
	}
	return fields
}

// Quoted writes a value as JSON.
func Quoted(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprint("cannot be JSON: ", v))
	}
	return string(data)
}
