package audit

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/techtreks/auth/api"
)

func TestEvents_AgreeWithTheContract(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	var contract []Event
	for _, name := range doc.Components.Schemas["AuditEventName"].Value.Enum {
		contract = append(contract, Event(name.(string)))
	}
	if !slices.Equal(contract, Events) {
		t.Errorf("AuditEventName in api/openapi.yaml: got\n%v\nwant, as in events.go,\n%v", contract, Events)
	}
}

var update = flag.Bool("update", false, "rewrite the table of events in docs/audit.md")

// The table of events in docs/audit.md is generated; with -update it is written.
func TestManual_ListsEveryEvent(t *testing.T) {
	const manual, begin, end = "../../docs/audit.md", "<!-- events -->\n", "<!-- end of events -->"
	content, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(content), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("the comments around the table are gone")
	}
	var table strings.Builder
	table.WriteString("| event | when | reasons |\n|---|---|---|\n")
	for _, e := range events {
		table.WriteString(strings.TrimRight("| `"+string(e.event)+"` | "+e.when+" | "+e.reasons, " ") + " |\n")
	}
	want := before + begin + table.String() + end + after
	if want == string(content) {
		return
	}
	if !*update {
		t.Fatal("docs/audit.md differs from internal/audit/events.go; run: go test ./internal/audit -run Manual -update")
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil { //nolint:gosec // a document
		t.Fatal(err)
	}
}
