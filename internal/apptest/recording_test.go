package apptest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// IDs and tokens differ between two databases. Everything else must be equal.
func TestDifference_IgnoresOnlyIDsAndTokens(t *testing.T) {
	const base = `/auth/activity {"events":[{"id":1,"actor_id":1,"user_id":1},{"id":2,"actor_id":1,"user_id":2}],"token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`
	const more = `/auth/admin/users/2 {"user":{"id":2},"session":{"id":2},"at":"2026-03-01T09:30:00Z"}`
	play := func(atOnce bool, exchanges ...string) *apptest.Recording {
		r := &apptest.Recording{AtOnce: atOnce}
		for _, one := range exchanges {
			path, body, _ := strings.Cut(one, " ")
			request := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			r.Add(request, nil, &http.Response{StatusCode: 200, Header: http.Header{"Date": {path}}}, []byte(body))
		}
		return r
	}
	edit := strings.NewReplacer
	for name, test := range map[string]struct {
		edit *strings.Replacer
		same bool
	}{
		"the same":                    {edit(), true},
		"consumed ids":                {edit(`_id":2`, `_id":9`, `user":{"id":2`, `user":{"id":9`, `users/2`, `users/9`), true},
		"ids of sessions alone":       {edit(`session":{"id":2`, `session":{"id":1`), true},
		"another token":               {edit("AAAAA", "BBBBB"), true},
		"another actor":               {edit(`"id":2,"actor_id":1`, `"id":2,"actor_id":2`), false},
		"another account":             {edit(`"user":{"id":2`, `"user":{"id":3`), false},
		"path of another account":     {edit(`users/2`, `users/1`), false},
		"no actor":                    {edit(`"id":2,"actor_id":1`, `"id":2,"actor_id":null`), false},
		"one event twice":             {edit(`"id":2,"actor_id"`, `"id":1,"actor_id"`), false},
		"another time":                {edit("09:30", "09:31"), false},
		"another order in the answer": {edit(`"id":1,"actor_id":1,"user_id":1`, `"id":2,"actor_id":1,"user_id":2`, `"id":2,"actor_id":1,"user_id":2`, `"id":1,"actor_id":1,"user_id":1`), false},
	} {
		difference := apptest.Difference(play(false, base, more), play(false, test.edit.Replace(base), test.edit.Replace(more)))
		if (difference == "") != test.same {
			t.Errorf("%s: got same %t, want %t\n%s", name, difference == "", test.same, difference)
		}
	}
	for name, test := range map[string]struct {
		a, b *apptest.Recording
		same bool
	}{
		"another order":         {play(false, base, more), play(false, more, base), false},
		"another order at once": {play(true, base, more), play(true, more, base), true},
		"one exchange missing":  {play(false, base, more), play(false, base), false},
		"one exchange more":     {play(true, base), play(true, base, more), false},
		"nothing recorded":      {play(false), play(false), false},
	} {
		if difference := apptest.Difference(test.a, test.b); (difference == "") != test.same {
			t.Errorf("%s: got same %t, want %t\n%s", name, difference == "", test.same, difference)
		}
	}
}
