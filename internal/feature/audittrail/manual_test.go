package audittrail_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var code = regexp.MustCompile("`([a-z_]+)`")

// documented returns the reasons in the table of docs/audit.md, by event.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- events -->\n")
	table, _, _ = strings.Cut(table, "<!-- end of events -->")
	reasons := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		cells := strings.Split(line, "|")
		list := []string{}
		for _, found := range code.FindAllStringSubmatch(cells[3], -1) {
			list = append(list, found[1])
		}
		reasons[strings.Trim(cells[1], " `")] = list
	}
	return reasons
}

// The manual has every event and reason of the scenarios. The table is generated from
// internal/audit/events.go.
func TestManual_ListsTheReasonsOfAllScenarios(t *testing.T) {
	reasons := documented(t)
	for _, test := range scenarios {
		for _, text := range test.want {
			words := strings.SplitN(text, " ", 3)
			event := words[0]
			reason, _, _ := strings.Cut(words[2], ",")
			if list, ok := reasons[event]; !ok || reason != "" && !slices.Contains(list, reason) {
				t.Errorf("docs/audit.md lacks the event %s with the reason %q", event, reason)
			}
		}
	}
}
