package server_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/techtreks/auth/db"
)

// A recording is what one server was asked and what it answered, with what has
// to differ between two runs masked.
type recording struct {
	mu        sync.Mutex
	exchanges []string
	whole     bool // the test has come to its end
}

// recorder is the transport that records.
type recorder struct {
	http.RoundTripper
	recording *recording
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	var sent []byte
	if request.Body != nil && request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		if sent, err = io.ReadAll(body); err != nil {
			return nil, err
		}
	}
	response, err := r.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	r.recording.add(request, sent, response, body)
	return response, nil
}

func (r *recording) add(request *http.Request, sent []byte, response *http.Response, body []byte) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s %.2000s\n%d\n", request.Method, request.URL.RequestURI(), sent, response.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		if name != "Date" && name != "Content-Length" {
			fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(response.Header[name], ", "))
		}
	}
	kept := ""
	if len(body) > 32<<10 {
		// A document or an asset: nothing in it is masked, and looking for that
		// takes seconds.
		kept = fmt.Sprintf("%x", sha256.Sum256(body))
	} else {
		text.Write(body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = append(r.exchanges, mask(text.String())+kept)
}

// masks hide what two runs cannot have in common: what is random, and ids,
// which PostgreSQL also spends on rows that it then refuses.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[A-Z2-7]{26}`), "(request id)"},
	{regexp.MustCompile(`[A-Za-z0-9_-]{40,}(\.[A-Za-z0-9_-]{16,})?`), "(token)"},
	{regexp.MustCompile(`("(?:[a-z_]+_)?id": ?)\d+`), "$1(id)"},
	{regexp.MustCompile(`("session_hash": ?)"[A-Za-z0-9_-]{12}"`), "$1(hash)"},
	{regexp.MustCompile(`(/(?:sessions|users)/)\d+`), "$1(id)"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "(server)"},
}

func mask(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return text
}

// compareRecordings fails the test unless both databases have given the same
// answers to the same requests. The order is left out: tests go through tables
// in any order, and some ask for many things at once.
func compareRecordings(t *testing.T, recordings map[db.Kind]*recording) {
	t.Helper()
	a, b := recordings[db.SQLite], recordings[db.Postgres]
	if !a.whole || !b.whole || t.Failed() {
		return // one was not run, or there is worse to report
	}
	slices.Sort(a.exchanges)
	slices.Sort(b.exchanges)
	for i := range max(len(a.exchanges), len(b.exchanges)) {
		if i >= len(a.exchanges) || i >= len(b.exchanges) || a.exchanges[i] != b.exchanges[i] {
			t.Errorf("the databases answer differently (%d and %d exchanges)\nsqlite:   %s\npostgres: %s",
				len(a.exchanges), len(b.exchanges), at(a.exchanges, i), at(b.exchanges, i))
			return
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(nothing)"
}
