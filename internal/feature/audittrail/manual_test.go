package audittrail_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/audit"
)

var code = regexp.MustCompile("`([a-z_]+)`")

// documented returns the events in the table of docs/audit.md, and the reasons by event.
func documented(t *testing.T) (events []string, reasons map[string][]string) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- events -->")
	table, _, _ = strings.Cut(table, "\n\n")
	reasons = map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		cells := strings.Split(line, "|")
		event := strings.Trim(cells[1], " `")
		events = append(events, event)
		for _, found := range code.FindAllStringSubmatch(cells[3], -1) {
			reasons[event] = append(reasons[event], found[1])
		}
	}
	return events, reasons
}

// The manual lists the events in the order of the constants, and every reason in the
// scenarios.
func TestManual_ListsAuditEventsAndReasons(t *testing.T) {
	events, reasons := documented(t)
	var want []string
	for _, event := range audit.Events {
		want = append(want, string(event))
	}
	if !slices.Equal(events, want) {
		t.Errorf("docs/audit.md: got\n%v\nwant\n%v", events, want)
	}
	for _, test := range scenarios {
		for _, text := range test.want {
			words := strings.SplitN(text, " ", 3)
			reason, _, _ := strings.Cut(words[2], ",")
			if reason != "" && !slices.Contains(reasons[words[0]], reason) {
				t.Errorf("docs/audit.md lacks the reason %[2]s of %[1]s", words[0], reason)
			}
		}
	}
}
