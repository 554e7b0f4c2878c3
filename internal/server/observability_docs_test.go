package server_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/apptest"
)

// exported returns the names and the labels of the metrics that a server with traffic exports.
func exported(t *testing.T) (families map[string]bool, labels map[string]bool) {
	h := apptest.Start(t, dbtest.Open(t, db.SQLite))
	h.Metrics.Build("test")
	b := h.Browser()
	b.Register("alice")
	b.Login("alice")
	b.Call("GET", "/nothing", nil).Want(404, "not_found")
	families, labels = map[string]bool{}, map[string]bool{}
	for series := range h.Scrape() {
		name, set, _ := strings.Cut(series, "{")
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && strings.HasSuffix(base, "_seconds") {
				name = base
			}
		}
		families[name] = true
		for _, label := range labelName.FindAllStringSubmatch(set, -1) {
			labels[label[1]] = true
		}
	}
	return families, labels
}

var (
	labelName  = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	metricName = regexp.MustCompile(`\b(?:techtreks|go|process|promhttp)_[a-z0-9_]+`)
	// grouping matches a list of labels after a keyword of PromQL.
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring) \(([a-z_, ]*)\)`)
)

// checkExpression checks that an expression uses only what a running server exports. A panel or
// an alert about anything else would stay silent for ever without notice.
func checkExpression(t *testing.T, where, expression string, families, labels map[string]bool) {
	t.Helper()
	names := metricName.FindAllString(expression, -1)
	for _, name := range names {
		base := name
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if s, ok := strings.CutSuffix(name, suffix); ok && families[s] {
				base = s
			}
		}
		if !families[base] {
			t.Errorf("%s: %s is not exported", where, name)
		}
	}
	if len(names) == 0 && !strings.HasPrefix(expression, "up{") {
		t.Errorf("%s uses no metric of this server: %s", where, expression)
	}
	known := func(label string) bool {
		return labels[label] || label == "job" || label == "instance" || label == "le"
	}
	for _, label := range labelName.FindAllStringSubmatch(expression, -1) {
		if !known(label[1]) {
			t.Errorf("%s: no metric has the label %s", where, label[1])
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(expression, -1) {
		for label := range strings.SplitSeq(group[1], ",") {
			if !known(strings.TrimSpace(label)) {
				t.Errorf("%s: no metric has the label %s", where, label)
			}
		}
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		if strings.Count(expression, pair[:1]) != strings.Count(expression, pair[1:]) {
			t.Errorf("%s: unbalanced %s in %s", where, pair, expression)
		}
	}
}

func TestAlerts_UseExportedMetrics(t *testing.T) {
	families, labels := exported(t)
	text, err := os.ReadFile("../../docs/operations/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || rule.Labels["severity"] == "" || slices.Contains(seen, rule.Alert) {
				t.Errorf("%s lacks a text or a severity, or is not unique", rule.Alert)
			}
			seen = append(seen, rule.Alert)
			checkExpression(t, rule.Alert, rule.Expr, families, labels)
		}
	}
	if len(seen) < 15 {
		t.Errorf("got %d alerts, want at least 15: did the file parse?", len(seen))
	}
}

func TestDashboard_UsesExportedMetrics(t *testing.T) {
	families, labels := exported(t)
	text, err := os.ReadFile("../../docs/operations/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title, Type, Description string
			Targets                  []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	panels := 0
	for _, panel := range dashboard.Panels {
		if panel.Type == "row" {
			continue
		}
		panels++
		if panel.Description == "" || len(panel.Targets) == 0 {
			t.Errorf("%s has no description or no target", panel.Title)
		}
		for _, target := range panel.Targets {
			checkExpression(t, panel.Title, target.Expr, families, labels)
		}
	}
	if panels < 15 {
		t.Errorf("got %d panels, want at least 15: did the file parse?", panels)
	}
}

// The table in docs/observability.md lists exactly the exported metrics.
func TestMetrics_AreDocumented(t *testing.T) {
	families, labels := exported(t)
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	documented, prefixes := map[string]bool{}, []string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)(\\*?)` \\| [a-z]* ?\\| ?(.*?) ?\\|").FindAllStringSubmatch(string(text), -1) {
		if row[2] == "*" {
			prefixes = append(prefixes, row[1])
			continue
		}
		documented[row[1]] = true
		for _, label := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[3], -1) {
			if !labels[label[1]] {
				t.Errorf("%s: no metric has the label %s", row[1], label[1])
			}
		}
	}
	for name := range families {
		if !documented[name] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			t.Errorf("docs/observability.md lacks %s", name)
		}
	}
	for name := range documented {
		if !families[name] {
			t.Errorf("docs/observability.md names %s, which is not exported", name)
		}
	}
	if len(documented) < 20 {
		t.Errorf("got %d documented metrics, want at least 20: did the table parse?", len(documented))
	}
}
