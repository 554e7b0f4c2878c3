package internal

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/techtreks/auth/"

// Imports go one way: cmd, server, leaf, db, gen. What a leaf may not know is
// what would tie it to this API or to its web framework.
func TestLeavesKnowNothingOfTheAPI(t *testing.T) {
	const gin, contract, server, generated = "github.com/gin-gonic/gin", module + "internal/contract", module + "internal/server", module + "gen/api"
	mayNotKnow := map[string][]string{
		"internal/accounts":   {gin, contract, server, generated},
		"internal/audit":      {gin, contract, server, generated},
		"internal/confusable": {gin, contract, server, generated, module + "db"},
		"internal/config":     {gin, contract, server, generated, module + "db"},
		"internal/docsui":     {gin, contract, server, generated, module + "db"},
		"internal/email":      {gin, contract, server, generated, module + "db"},
		"internal/fuzztest":   {gin, contract, server, generated, module + "db"},
		"internal/mail":       {gin, contract, server, generated},
		"internal/metrics":    {gin, contract, server, generated, module + "db"},
		"internal/password":   {gin, contract, server, generated, module + "db"},
		"internal/ratelimit":  {gin, contract, server, generated, module + "db"},
		"internal/token":      {gin, contract, server, generated, module + "db"},
		"internal/tracing":    {gin, contract, server, generated, module + "db"},
		"internal/webapp":     {gin, contract, server, generated, module + "db"},
		"internal/session":    {contract, server, generated}, // a store of gin's sessions
		"internal/contract":   {server, generated, module + "db"},
		"db":                  {gin, contract, server, generated, module + "internal"},
		"gen/db":              {gin, module + "internal"},
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "server" && mayNotKnow["internal/"+e.Name()] == nil {
			t.Errorf("internal/%s has no rule here", e.Name())
		}
	}
	for name, forbidden := range mayNotKnow {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dependency := range strings.Lines(string(out)) {
			dependency = strings.TrimSpace(dependency)
			for _, f := range forbidden {
				if dependency == f || strings.HasPrefix(dependency, f+"/") {
					t.Errorf("%s imports %s", name, dependency)
				}
			}
		}
	}
}

// What is guessable must not come near a token (ASVS 6.5.3): math/rand is for
// tests.
func TestRandomnessIsCryptographic(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		packages++
		for _, imported := range strings.Fields(line)[1:] {
			if strings.HasPrefix(imported, "math/rand") {
				t.Errorf("%s imports %s", strings.Fields(line)[0], imported)
			}
		}
	}
	if packages < 10 {
		t.Errorf("only %d packages seen", packages)
	}
}
