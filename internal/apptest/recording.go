package apptest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/techtreks/auth/db"
)

// A Recording holds the requests and responses of one test. Values that differ between two
// runs, such as IDs and tokens, are replaced by the number of their first appearance. Two
// values that are swapped are therefore still a difference.
type Recording struct {
	AtOnce bool // requests have no fixed order, so replaced values have no number
	Whole  bool // the test ran to its end

	mu        sync.Mutex
	exchanges []string
	numbers   map[string]int // by kind and replaced value
	last      map[string]int // last number of each kind
}

// recorder is the transport that records.
type recorder struct {
	http.RoundTripper
	recording *Recording
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
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	r.recording.Add(request, sent, response, body)
	return response, nil
}

// Add records one request and its response.
func (r *Recording) Add(request *http.Request, sent []byte, response *http.Response, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s %s\n%d\n", request.Method, request.URL.RequestURI(), r.maskIDs(fmt.Sprintf("%.2000s", sent)), response.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		if name != "Date" && name != "Content-Length" { // IDs differ in length
			fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(response.Header[name], ", "))
		}
	}
	kept := ""
	if len(body) > 32<<10 {
		// A document or an asset: it has nothing to mask, and searching it takes seconds.
		kept = fmt.Sprintf("%x", sha256.Sum256(body))
	} else {
		text.WriteString(r.maskIDs(string(body)))
	}
	r.exchanges = append(r.exchanges, r.mask(text.String())+kept)
}

// masks find the values outside of JSON IDs that differ between two runs. The second group
// is the part to replace. The pattern for tokens starts at a word boundary: trying every
// letter would take five times as long.
var masks = []struct {
	kind    string
	pattern *regexp.Regexp
}{
	{"token", regexp.MustCompile(`(^|[^A-Za-z0-9_-])([A-Za-z0-9_-]{40,}(?:\.[A-Za-z0-9_-]{16,})?)`)},
	{"request", regexp.MustCompile(`()([A-Z2-7]{26})`)},
	{"hash", regexp.MustCompile(`("session_hash": ?)("[A-Za-z0-9_-]{12}")`)},
	{"session", regexp.MustCompile(`(/sessions/)(\d+)`)},
	{"user", regexp.MustCompile(`(/users/)(\d+)`)},
	{"server", regexp.MustCompile(`()(127\.0\.0\.1:\d+)`)},
}

func (r *Recording) mask(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllStringFunc(text, func(found string) string {
			parts := m.pattern.FindStringSubmatch(found)
			return parts[1] + r.name(m.kind, parts[2])
		})
	}
	return text
}

// maskIDs replaces the IDs in JSON, because PostgreSQL also consumes IDs for rows that it
// then rejects. From the first syntax error on, the text stays as it is.
func (r *Recording) maskIDs(text string) string {
	var masked strings.Builder
	done := 0
	for d := jsontext.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.ReadToken()
		if err != nil {
			return masked.String() + text[done:]
		}
		kind := idOf(d.StackPointer())
		if token.Kind() != '0' || kind == "" {
			continue
		}
		id, end := token.String(), int(d.InputOffset())
		masked.WriteString(text[done:end-len(id)] + r.name(kind, id))
		done = end
	}
}

// idOf returns the kind of thing that a JSON member identifies, empty if none: /users/3/id
// and the top-level id of a profile identify a user.
func idOf(where jsontext.Pointer) string {
	path := strings.Split(string(where), "/")
	switch path[len(path)-1] {
	case "user_id", "actor_id":
		return "user"
	case "id":
		owner := path[len(path)-2]
		if _, err := strconv.Atoi(owner); err == nil {
			owner = path[len(path)-3]
		}
		if owner == "" || owner == "account" {
			return "user"
		}
		return strings.TrimSuffix(owner, "s")
	}
	return ""
}

// name returns the replacement for a value.
func (r *Recording) name(kind, value string) string {
	if r.AtOnce {
		return "(" + kind + ")"
	}
	if r.numbers == nil {
		r.numbers, r.last = map[string]int{}, map[string]int{}
	}
	number, again := r.numbers[kind+value]
	if !again {
		r.last[kind]++
		number = r.last[kind]
		r.numbers[kind+value] = number
	}
	return fmt.Sprintf("(%s %d)", kind, number)
}

// CompareRecordings fails the test unless both databases gave the same responses to the
// same requests, in the same order.
func CompareRecordings(t *testing.T, recordings map[db.Kind]*Recording) {
	t.Helper()
	a, b := recordings[db.SQLite], recordings[db.Postgres]
	if t.Failed() {
		return // the failure matters more
	}
	if !a.Whole || !b.Whole {
		if os.Getenv("CI") == "true" {
			t.Error("one of the databases did not run, so nothing is compared")
		}
		return
	}
	if difference := Difference(a, b); difference != "" {
		t.Error(difference)
	}
}

// Difference describes the first difference between two recordings, empty if there is none.
func Difference(a, b *Recording) string {
	if len(a.exchanges) == 0 {
		return "nothing was recorded, so nothing is compared"
	}
	if a.AtOnce {
		slices.Sort(a.exchanges)
		slices.Sort(b.exchanges)
	}
	for i := range max(len(a.exchanges), len(b.exchanges)) {
		if at(a.exchanges, i) != at(b.exchanges, i) {
			return fmt.Sprintf("the databases answer differently (exchange %d of %d and %d)\nsqlite:   %s\npostgres: %s",
				i+1, len(a.exchanges), len(b.exchanges), at(a.exchanges, i), at(b.exchanges, i))
		}
	}
	return ""
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(nothing)"
}

// InOrder iterates over a map by sorted keys, so that a test sends its requests in a fixed
// order.
func InOrder[K cmp.Ordered, V any](table map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			if !yield(name, table[name]) {
				return
			}
		}
	}
}
