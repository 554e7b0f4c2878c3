package app_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// Each operation rejects query parameters that it does not have, as it rejects unknown
// members of a body. The response repeats a name only if it looks like the name of a field.
func TestOperations_RejectUnknownQueryParameters(t *testing.T) {
	const sentence = "This field is not known here"
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		h.SetRole("alice", "admin")
		b.Login("alice")
		before := h.Dump()
		for _, op := range h.Contract.Operations {
			path, body := h.Sample(op)
			for query, names := range apptest.InOrder(map[string][]string{
				"utm_source=mail":               {"utm_source"},
				"page":                          {"page"},
				"zulu=1&alpha=2&Limit=3&zulu=4": {"Limit", "alpha", "zulu"},
				"Tr4vel-lighter%21=1&a%20b=2":   {""},
				"=1":                            {""},
			}) {
				a := b.Call(op.Method, path+"?"+query, body).Want(400, "invalid_fields")
				var want []apptest.Field
				for _, name := range names {
					want = append(want, apptest.Field{name, "unknown_field", sentence})
				}
				if got := apptest.FieldsOf(t, a); apptest.Quoted(got) != apptest.Quoted(want) || a.JSON()["error"] != sentence {
					t.Errorf("%s: got %s, want %s", a.What, a.Body, apptest.Quoted(want))
				}
			}
			a := b.Call(op.Method, path+"?a=%zz", body).Want(400, "invalid_fields")
			if a.JSON()["error"] != "The query of the address cannot be read" {
				t.Errorf("%s: got %s, want a query that cannot be read", a.What, a.Body)
			}
			if op.Method == "GET" {
				if a := b.Call("HEAD", path+"?utm_source=mail", nil); a.Status != 400 {
					t.Errorf("%s: got %d, want 400", a.What, a.Status)
				}
			}
		}
		if h.Dump() != before {
			t.Error("a rejected request changed the database")
		}
		b.Call("GET", "/healthz?", nil).Want(200, "")
		b.Call("GET", "/auth/profile?&&", nil).Want(200, "")
	})
}

func TestOperations_RejectUnknownQueryParameterNextToKnownOnes(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Admin("alice")
		for _, query := range []string{"limit=5&page=2", "limit=0&page=2", "page=2&limit=5&limit=6"} {
			a := b.Call("GET", "/auth/admin/users?"+query, nil).Want(400, "invalid_fields")
			if got := apptest.FieldsOf(t, a); len(got) != 1 || got[0][0] != "page" {
				t.Errorf("%s: got %s, want page alone", query, a.Body)
			}
		}
	})
}

// The response has at most 100 fields, sorted by name.
func TestOperations_BoundTheListOfUnknownQueryParameters(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		query := url.Values{}
		for i := range 300 {
			query.Set("p"+strings.Repeat("x", i%50)+string(rune('a'+i/50)), "1")
		}
		a := h.Browser().Call("GET", "/healthz?"+query.Encode(), nil).Want(400, "invalid_fields")
		if got := apptest.FieldsOf(t, a); len(got) != 100 {
			t.Errorf("got %d fields, want 100", len(got))
		}
	})
}
