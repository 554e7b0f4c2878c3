package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestReadSecurity_ListsAlternatives(t *testing.T) {
	type required = openapi3.SecurityRequirement
	none, cookie, token := required{}, required{SessionScheme: {}}, required{"token": {}}
	tests := map[string]struct {
		requirements []required
		schemes      string
		anonymous    bool
		session      SessionUse
	}{
		"nothing":                       {nil, "", true, SessionIgnored},
		"nothing, as an alternative":    {[]required{none}, "", true, SessionIgnored},
		"the session":                   {[]required{cookie}, SessionScheme, false, SessionRequired},
		"the session or nothing":        {[]required{none, cookie}, SessionScheme, true, SessionOptional},
		"the session or a token":        {[]required{cookie, token}, SessionScheme + " token", false, SessionOptional},
		"a token":                       {[]required{token}, "token", false, SessionIgnored},
		"a token or nothing":            {[]required{token, none}, "token", true, SessionIgnored},
		"a token, the session, nothing": {[]required{token, cookie, none}, "token " + SessionScheme, true, SessionOptional},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			op := &Operation{}
			if err := op.readSecurity(test.requirements, []string{SessionScheme, "token"}); err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(test.schemes)
			if !slices.Equal(op.Schemes, want) || op.Anonymous != test.anonymous || op.Session != test.session {
				t.Errorf("got %q, anonymous %t, session use %d", op.Schemes, op.Anonymous, op.Session)
			}
		})
	}
}

func TestReadSecurity_RejectsWhatNothingEnforces(t *testing.T) {
	for name, requirement := range map[string]openapi3.SecurityRequirement{
		"unknown scheme":       {"token": {}},
		"two schemes together": {SessionScheme: {}, "token": {}},
		"scopes":               {SessionScheme: {"write"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := new(Operation).readSecurity(openapi3.SecurityRequirements{{}, requirement}, enforcedSchemes)
			if err == nil || !strings.Contains(err.Error(), "is not enforced") {
				t.Errorf("got %v", err)
			}
		})
	}
}
