package server_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/techtreks/auth/api"
	"github.com/techtreks/auth/internal/ratelimit"
)

// 6.1.1: docs/limits.md lists exactly the limits of the contract.
func TestLimitsDoc_ListsEveryLimitOfTheContract(t *testing.T) {
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `?(\\w+)`? \\| (\\d+ per .*) \\|$").FindAllStringSubmatch(string(page), -1) {
		documented[m[1]] = m[2]
	}
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	limitsIn := func(extensions map[string]any) string {
		list, _ := extensions["x-rate-limit"].([]any)
		texts := make([]string, len(list))
		for i, entry := range list {
			texts[i] = entry.(string)
		}
		return strings.Join(texts, ", ")
	}
	want := map[string]string{"default": limitsIn(doc.Extensions)}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Extensions["x-rate-limit"] != nil {
				want[op.OperationID] = limitsIn(op.Extensions)
			}
		}
	}
	for name, limits := range want {
		if documented[name] != limits {
			t.Errorf("%s: got %q in docs/limits.md, want %q as in the contract", name, documented[name], limits)
		}
	}
	for name := range documented {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: docs/limits.md has a limit, the contract has none", name)
		}
	}
}

// docs/limits.md lists the delays of the code.
func TestLimitsDoc_ListsTheDelays(t *testing.T) {
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	failures, waits := "| failures |", "| wait in seconds |"
	for n := int64(ratelimit.FreeFailures); ; n++ {
		wait := ratelimit.Delay(n)
		waits += fmt.Sprintf(" %d |", int(wait.Seconds()))
		if wait == ratelimit.MaxDelay {
			failures += fmt.Sprintf(" %d and more |", n)
			break
		}
		failures += fmt.Sprintf(" %d |", n)
	}
	for _, want := range []string{failures, waits, fmt.Sprintf("After %d failures", ratelimit.FreeFailures)} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/limits.md lacks %q", want)
		}
	}
}
