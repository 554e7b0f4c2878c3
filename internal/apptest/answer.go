package apptest

import (
	"encoding/json"
	"strings"
)

// Has fails the test unless the answer has at least these members, or is that
// text.
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

// contains reports whether all that is in want is in got. Lists have to be as
// long as each other, and an id is any number.
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
