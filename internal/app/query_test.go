package app_test

import (
	"net/url"
	"strings"
	"testing"
)

// Each operation rejects query parameters that it does not have, as it rejects unknown
// members of a body. The answer repeats a name only if it looks like the name of a field.
func TestOperations_RejectUnknownQueryParameters(t *testing.T) {
	const sentence = "This field is not known here"
	each(t, func(t *testing.T, h *harness) {
		b := h.browser()
		b.register("alice")
		h.setRole("alice", "admin")
		b.login("alice")
		before := h.dump()
		for _, op := range h.Contract.Operations {
			path, body := h.sample(op)
			for query, names := range inOrder(map[string][]string{
				"utm_source=mail":               {"utm_source"},
				"page":                          {"page"},
				"zulu=1&alpha=2&Limit=3&zulu=4": {"Limit", "alpha", "zulu"},
				"Tr4vel-lighter%21=1&a%20b=2":   {""},
				"=1":                            {""},
			}) {
				a := b.call(op.Method, path+"?"+query, body).want(400, "invalid_fields")
				var want []field
				for _, name := range names {
					want = append(want, field{name, "unknown_field", sentence})
				}
				if got := fieldsOf(t, a); quoted(got) != quoted(want) || a.json()["error"] != sentence {
					t.Errorf("%s: %s", a.what, a.body)
				}
			}
			a := b.call(op.Method, path+"?a=%zz", body).want(400, "invalid_fields")
			if a.json()["error"] != "The query of the address cannot be read" {
				t.Errorf("%s: %s", a.what, a.body)
			}
			if op.Method == "GET" {
				if a := b.call("HEAD", path+"?utm_source=mail", nil); a.status != 400 {
					t.Errorf("%s: %d", a.what, a.status)
				}
			}
		}
		if h.dump() != before {
			t.Error("a refusal has changed the database")
		}
		b.call("GET", "/healthz?", nil).want(200, "")
		b.call("GET", "/auth/profile?&&", nil).want(200, "")
	})
}

func TestOperations_RejectUnknownQueryParameterNextToKnownOnes(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		b := h.admin("alice")
		for _, query := range []string{"limit=5&page=2", "limit=0&page=2", "page=2&limit=5&limit=6"} {
			a := b.call("GET", "/auth/admin/users?"+query, nil).want(400, "invalid_fields")
			if got := fieldsOf(t, a); len(got) != 1 || got[0].Field != "page" {
				t.Errorf("%s: %s", query, a.body)
			}
		}
	})
}

// The number of fields in the answer has a bound, and names are sorted in the answer.
func TestOperations_BoundTheListOfUnknownQueryParameters(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		query := url.Values{}
		for i := range 300 {
			query.Set("p"+strings.Repeat("x", i%50)+string(rune('a'+i/50)), "1")
		}
		a := h.browser().call("GET", "/healthz?"+query.Encode(), nil).want(400, "invalid_fields")
		if got := fieldsOf(t, a); len(got) != 100 {
			t.Errorf("%d fields", len(got))
		}
	})
}
