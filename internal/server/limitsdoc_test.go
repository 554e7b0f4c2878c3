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

// 6.1.1: the page says what the contract says, and nothing is left out.
func TestThePageAboutLimitsSaysWhatTheContractSays(t *testing.T) {
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `?(\\w+)`? \\| (\\d+ per .*) \\|$").FindAllStringSubmatch(string(page), -1) {
		said[m[1]] = m[2]
	}
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	written := func(extensions map[string]any) string {
		list, _ := extensions["x-rate-limit"].([]any)
		texts := make([]string, len(list))
		for i, entry := range list {
			texts[i] = entry.(string)
		}
		return strings.Join(texts, ", ")
	}
	want := map[string]string{"default": written(doc.Extensions)}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Extensions["x-rate-limit"] != nil {
				want[op.OperationID] = written(op.Extensions)
			}
		}
	}
	for name, limits := range want {
		if said[name] != limits {
			t.Errorf("%s: the page says %q, the contract %q", name, said[name], limits)
		}
	}
	for name := range said {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: the page has a limit, the contract has none", name)
		}
	}
}

// The waits of the page are those of the code.
func TestThePageAboutLimitsSaysHowLongToWait(t *testing.T) {
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
			t.Errorf("the page does not say %q", want)
		}
	}
}
