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

// A Recording is what the servers of one test were asked and what they answered,
// with what has to differ between two runs replaced: by its number, which is
// that of its first appearance, so that one thing for another is still seen.
type Recording struct {
	AtOnce bool // the requests come in no order, and what is replaced has no number
	Whole  bool // the test has come to its end

	mu        sync.Mutex
	exchanges []string
	numbers   map[string]int // of what is replaced, by its kind and itself
	last      map[string]int // number of each kind
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

func (r *Recording) Add(request *http.Request, sent []byte, response *http.Response, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s %s\n%d\n", request.Method, request.URL.RequestURI(), r.maskIDs(fmt.Sprintf("%.2000s", sent)), response.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		if name != "Date" && name != "Content-Length" { // an id may have a digit more
			fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(response.Header[name], ", "))
		}
	}
	kept := ""
	if len(body) > 32<<10 {
		// A document or an asset: nothing in it is masked, and looking for that
		// takes seconds.
		kept = fmt.Sprintf("%x", sha256.Sum256(body))
	} else {
		text.WriteString(r.maskIDs(string(body)))
	}
	r.exchanges = append(r.exchanges, r.mask(text.String())+kept)
}

// masks find what two runs cannot have in common beside the ids in JSON. The
// second group is what is replaced. Tokens are looked for where a word begins:
// from each of its letters on would take five times as long.
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

// maskIDs replaces the ids in JSON: PostgreSQL spends them on rows that it then
// refuses as well. What is no JSON stays as it is from there on.
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

// idOf says what a member is the id of, "" if it is none: /users/3/id is a
// user's, and /id is in the profile of one.
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

// CompareRecordings fails the test unless both databases have given the same
// answers to the same requests, in the same order.
func CompareRecordings(t *testing.T, recordings map[db.Kind]*Recording) {
	t.Helper()
	a, b := recordings[db.SQLite], recordings[db.Postgres]
	if t.Failed() {
		return // there is worse to report
	}
	if !a.Whole || !b.Whole {
		if os.Getenv("CI") == "true" {
			t.Error("one of the databases was not asked, so nothing is compared")
		}
		return
	}
	if said := Difference(a, b); said != "" {
		t.Error(said)
	}
}

// Difference says where two recordings are not the same.
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

// InOrder goes through a table by its names, so that the requests of a test come
// in one order.
func InOrder[K cmp.Ordered, V any](table map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			if !yield(name, table[name]) {
				return
			}
		}
	}
}
