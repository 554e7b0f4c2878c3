package internal

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/techtreks/auth/"

// Packages that tie a leaf to HTTP or to this API.
const (
	gin       = "github.com/gin-gonic/gin"
	contract  = module + "internal/contract"
	generated = module + "gen/api"
	database  = module + "db"
)

// notForLeaves are the layers above the leaves.
var notForLeaves = []string{module + "internal/app", module + "internal/server", module + "internal/feature", module + "internal/apptest"}

// leaves lists every package below the features, and what else it must not depend on.
var leaves = map[string][]string{
	"db":                  {gin, contract, generated, module + "internal"},
	"gen/db":              {gin, module + "internal"},
	"internal/accounts":   {contract, generated}, // gin comes with the sessions
	"internal/audit":      {gin, contract, generated},
	"internal/clientip":   {gin, contract, generated, database},
	"internal/config":     {gin, contract, generated, database},
	"internal/confusable": {gin, contract, generated, database},
	"internal/contract":   {generated, database},
	"internal/credential": {generated},
	"internal/docsui":     {gin, contract, generated, database},
	"internal/email":      {gin, contract, generated, database},
	"internal/flood":      {gin, contract, generated, database},
	"internal/fuzztest":   {gin, contract, generated, database},
	"internal/mail":       {gin, contract, generated},
	"internal/metrics":    {gin, contract, generated, database},
	"internal/onetime":    {gin, contract, generated},
	"internal/password":   {gin, contract, generated, database},
	"internal/problem":    {gin, contract, generated, database},
	"internal/ratelimit":  {gin, contract, generated, database},
	"internal/reqctx":     {gin, contract, generated, database},
	"internal/session":    {contract, generated}, // a store of gin-contrib/sessions
	"internal/throttle":   {generated},
	"internal/token":      {gin, contract, generated, database},
	"internal/tracing":    {gin, contract, generated, database},
	"internal/webapp":     {gin, contract, generated, database},
	"internal/wire":       {contract}, // gin comes with the generated types
}

// layers are the packages above the leaves.
var layers = map[string]bool{"app": true, "apptest": true, "feature": true, "server": true}

func TestImports_LeavesDependOnNoLayerAbove(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, listed := leaves["internal/"+e.Name()]; e.IsDir() && !listed && !layers[e.Name()] {
			t.Errorf("internal/%s has no rule here", e.Name())
		}
	}
	for name, forbidden := range leaves {
		forbid(t, name, append(forbidden, notForLeaves...))
	}
}

// A feature reaches another one through the leaves that both use.
func TestImports_FeaturesDependOnNoFeature(t *testing.T) {
	features, err := os.ReadDir("feature")
	if err != nil {
		t.Fatal(err)
	}
	if len(features) < 7 {
		t.Errorf("only %d features seen", len(features))
	}
	for _, f := range features {
		forbidden := []string{module + "internal/app", module + "internal/server"}
		for _, other := range features {
			if other.Name() != f.Name() {
				forbidden = append(forbidden, module+"internal/feature/"+other.Name())
			}
		}
		forbid(t, "internal/feature/"+f.Name(), forbidden)
	}
	forbid(t, "internal/server", []string{module + "internal/app", module + "internal/feature"})
}

func TestImports_OnlyCommandsDependOnApp(t *testing.T) {
	for line := range listed(t, `{{.ImportPath}} {{join .Imports " "}}`, module+"...") {
		importer, imports, _ := strings.Cut(line, " ")
		for _, imported := range strings.Fields(imports) {
			allowed := strings.HasPrefix(importer, module+"cmd/") || importer == module+"internal/apptest"
			if imported == module+"internal/app" && !allowed {
				t.Errorf("%s imports internal/app", importer)
			}
		}
	}
}

// forbid fails the test if a package depends on one of the others or below them.
func forbid(t *testing.T, name string, others []string) {
	t.Helper()
	for dependency := range listed(t, "", "-deps", module+name) {
		for _, other := range others {
			if dependency == other || strings.HasPrefix(dependency, other+"/") {
				t.Errorf("%s depends on %s", name, dependency)
			}
		}
	}
}

// listed returns the lines of go list.
func listed(t *testing.T, format string, args ...string) map[string]bool {
	t.Helper()
	command := []string{"list"}
	if format != "" {
		command = append(command, "-f", format)
	}
	out, err := exec.CommandContext(t.Context(), "go", append(command, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		lines[strings.TrimSpace(line)] = true
	}
	return lines
}

// A token must not be guessable (ASVS 5.0.0-6.5.3): math/rand is for tests.
func TestImports_RandomnessIsCryptographic(t *testing.T) {
	packages := listed(t, `{{.ImportPath}} {{join .Imports " "}}`, module+"...")
	for line := range packages {
		for _, imported := range strings.Fields(line)[1:] {
			if strings.HasPrefix(imported, "math/rand") {
				t.Errorf("%s imports %s", strings.Fields(line)[0], imported)
			}
		}
	}
	if len(packages) < 10 {
		t.Errorf("only %d packages seen", len(packages))
	}
}
