package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/contract"
	"github.com/techtreks/auth/internal/ratelimit"
)

// everything returns the contract and the notes of tests that have seen all of it.
func everything(t *testing.T) (c *contract.Contract, notes []string) {
	t.Helper()
	c, err := contract.Load(api.OpenAPI, nil, ratelimit.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		for _, o := range c.Outcomes() {
			notes = append(notes, kind+" "+o.String())
		}
		for _, e := range c.Examples() {
			notes = append(notes, kind+" "+e.String())
		}
		for _, e := range c.AuditEvents() {
			notes = append(notes, kind+" "+e.String())
		}
	}
	return c, notes
}

// wrote writes one file of notes per process into a new folder.
func wrote(t *testing.T, processes ...[]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i, lines := range processes {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRun_FailsOnMissingOrUnknownObservations(t *testing.T) {
	_, notes := everything(t)
	report := filepath.Join(t.TempDir(), "conformance.md")
	if run(report, false, wrote(t, notes), io.Discard) == nil {
		t.Error("a missing report is accepted")
	}
	if err := run(report, true, wrote(t, notes[:9], notes[9:]), io.Discard); err != nil {
		t.Error(err)
	}
	if err := run(report, false, wrote(t, append(notes, "unknown login 200")), io.Discard); err != nil {
		t.Error(err)
	}
	without := func(line string) []string {
		rest := slices.DeleteFunc(slices.Clone(notes), func(one string) bool { return one == line })
		if len(rest) != len(notes)-1 {
			t.Fatalf("%q is not in the notes", line)
		}
		return rest
	}
	for name, notes := range map[string][]string{
		"nothing":                       nil,
		"missing outcome on SQLite":     without("sqlite login 200"),
		"missing outcome on PostgreSQL": without("postgres login 200"),
		"outcome on unknown database":   append(without("postgres login 200"), "unknown login 200"),
		"missing example of a response": without("postgres login 401 example invalid"),
		"missing example of a schema":   without("sqlite schema SessionList"),
		"missing example of a header":   without("sqlite header RetryAfter"),
		"missing event on SQLite":       without("sqlite event mail_failed"),
		"missing event on PostgreSQL":   without("postgres event sys_startup"),
		"event on unknown database":     append(without("sqlite event session_expired"), "unknown event session_expired"),
		"unknown event":                 append(slices.Clone(notes), "sqlite event coffee_brewed"),
		"unknown outcome":               append(slices.Clone(notes), "sqlite login 418 teapot"),
		"unknown outcome, any database": append(slices.Clone(notes), "unknown login 418 teapot"),
	} {
		before, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		if run(report, true, wrote(t, notes), io.Discard) == nil {
			t.Errorf("%s passes", name)
		}
		if after, err := os.ReadFile(report); err != nil || string(after) != string(before) {
			t.Errorf("%s: the report was written", name)
		}
	}
}

func TestRender_LeavesOutWhatWasNotSeen(t *testing.T) {
	c, _ := everything(t)
	got := render(c.Outcomes(), 0, c.AuditEvents(), map[observation]bool{
		{"login 200", "sqlite"}: true, {"login 200", "postgres"}: true, {"logout 200", "sqlite"}: true,
		{"event sys_startup", "sqlite"}: true, {"event sys_startup", "postgres"}: true, {"event sys_shutdown", "postgres"}: true,
	})
	want := "\n## login\n\n- 200\n\n## Audit events\n\n- `sys_startup`\n"
	if !strings.HasSuffix(got, want) || strings.Contains(got, "logout") {
		t.Errorf("got\n%s", got)
	}
}

// This finds an outdated report without running the tests that write it.
func TestReport_MatchesContract(t *testing.T) {
	c, notes := everything(t)
	seen, err := read(wrote(t, notes))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/conformance.md")
	if err != nil || string(got) != render(c.Outcomes(), len(c.Examples()), c.AuditEvents(), seen) {
		t.Errorf("docs/conformance.md is not up to date (%v): run make conformance", err)
	}
}
