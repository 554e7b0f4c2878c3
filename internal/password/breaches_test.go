package password

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The SHA-1 of goodPhrase is abf7a…: computed apart from the code under test.
const (
	phrasePrefix = "ABF7A"
	phraseSuffix = "AD6438836DBE526AA231ABDE2D0EEF74D42"
)

// corpus is a breach corpus that answers as a test wants.
type corpus struct {
	*Breaches
	mu       sync.Mutex // of asked: a connection that is cut off tells nobody when its handler ends
	asked    []*http.Request
	outcomes []string
	logs     bytes.Buffer
}

func newCorpus(t *testing.T, answer http.HandlerFunc) *corpus {
	t.Helper()
	c := &corpus{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.asked = append(c.asked, r)
		c.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	c.Breaches = NewBreaches(server.URL+"/", slog.New(slog.NewTextHandler(&c.logs, nil)))
	c.Observe = func(outcome string) { c.outcomes = append(c.outcomes, outcome) }
	t.Cleanup(c.client.CloseIdleConnections)
	return c
}

// says answers with a text.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

var padding = strings.Repeat("0018A45C4D1DEF81644B54AB7F969B88D65:0\r\n", 900)

func TestBreachesByOutcome(t *testing.T) {
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		outcome string
	}{
		"found":                   {says(200, "00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2\r\n"+phraseSuffix+":37\r\n"), "found"},
		"found behind padding":    {says(200, padding+strings.ToLower(phraseSuffix)+":1"), "found"},
		"only as padding":         {says(200, padding+phraseSuffix+":0\r\n"), "clear"},
		"not there":               {says(200, padding), "clear"},
		"empty":                   {says(200, ""), "unknown"},
		"a page":                  {says(200, "<html>log in to the Wi-Fi</html>"), "unknown"},
		"a page with colons":      {says(200, strings.Repeat("a", 34)+"<:12"), "unknown"},
		"a count that is none":    {says(200, phraseSuffix+":-1"), "unknown"},
		"another range's length":  {says(200, phraseSuffix+"0:12"), "unknown"},
		"too long":                {says(200, strings.Repeat(padding, 10)), "unknown"},
		"one line without an end": {says(200, strings.Repeat("A", 1<<20)), "unknown"},
		"an error":                {says(503, phraseSuffix+":37"), "unknown"},
		"limited":                 {says(429, ""), "unknown"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/found/"+r.URL.Path, http.StatusFound)
		}, "unknown"},
		"cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCorpus(t, test.answer)
			want := Refusal("")
			if test.outcome == "found" {
				want = Breached
			}
			if got := (&Policy{Breaches: c.Breaches}).Check(t.Context(), goodPhrase, alice); got != want {
				t.Errorf("the password is %q, want %q", got, want)
			}
			c.mu.Lock()
			asked := len(c.asked)
			c.mu.Unlock()
			if !slices.Equal(c.outcomes, []string{test.outcome}) || asked != 1 {
				t.Errorf("%v after %d requests", c.outcomes, asked)
			}
			if warned := strings.Contains(c.logs.String(), "level=WARN"); warned != (test.outcome == "unknown") {
				t.Errorf("logged %q", c.logs.String())
			}
		})
	}
}

// What leaves is five digits, and nothing of it is in the log when that fails.
func TestBreachesAreToldFiveDigits(t *testing.T) {
	c := newCorpus(t, says(200, padding))
	if c.Has(t.Context(), goodPhrase) {
		t.Error("found")
	}
	r := c.asked[0]
	var sent bytes.Buffer
	if err := r.Write(&sent); err != nil {
		t.Fatal(err)
	}
	if r.URL.Path != "/range/"+phrasePrefix || r.URL.RawQuery != "" || r.Header.Get("Add-Padding") != "true" || r.Header.Get("User-Agent") == "" {
		t.Errorf("sent\n%s", &sent)
	}
	for _, secret := range []string{"correct", "horse", phraseSuffix[:6], strings.ToLower(phraseSuffix[:6])} {
		if strings.Contains(sent.String(), secret) {
			t.Errorf("%q in\n%s", secret, &sent)
		}
	}
	c.URL = "http://127.0.0.1:1"
	if c.Has(t.Context(), goodPhrase) || !strings.Contains(c.logs.String(), "refused") {
		t.Errorf("logged %q", c.logs.String())
	}
	c.URL = "http://[bad"
	if c.Has(t.Context(), goodPhrase) {
		t.Error("found")
	}
	if strings.Contains(strings.ToUpper(c.logs.String()), phrasePrefix) {
		t.Errorf("logged %q", c.logs.String())
	}
}

// The corpus is asked last, about what is acceptable otherwise.
func TestBreachesAreNotAskedInVain(t *testing.T) {
	c := newCorpus(t, says(200, padding))
	p := &Policy{Breaches: c.Breaches}
	for _, password := range []string{"Password1!", "Alice.b-Zu7!"} {
		if p.Check(t.Context(), password, alice) == "" {
			t.Errorf("%s is accepted", password)
		}
	}
	if len(c.asked) != 0 {
		t.Errorf("asked %d times", len(c.asked))
	}
}

// silent is a service that takes requests and never answers, or stops in the
// middle of its answer.
type silent struct{ begins string }

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.begins == "" {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	in, out := io.Pipe()
	go func() {
		_, _ = io.WriteString(out, s.begins)
		<-r.Context().Done()
		_ = out.CloseWithError(r.Context().Err())
	}()
	return &http.Response{StatusCode: 200, Body: in}, nil
}

func TestBreachesThatAreSlowCostABoundedTime(t *testing.T) {
	for _, begins := range []string{"", padding[:1000]} {
		synctest.Test(t, func(t *testing.T) {
			var outcomes []string
			b := &Breaches{
				URL: "https://breaches.example", Logger: slog.New(slog.DiscardHandler),
				Observe: func(outcome string) { outcomes = append(outcomes, outcome) },
				client:  &http.Client{Transport: silent{begins}},
			}
			start := time.Now()
			if b.Has(t.Context(), goodPhrase) || fmt.Sprint(outcomes) != "[unknown]" {
				t.Errorf("%v", outcomes)
			}
			if took := time.Since(start); took != breachTimeout {
				t.Errorf("took %s", took)
			}
		})
	}
}

// The client trusts nobody but the configured host.
func TestBreachesGoNowhereElse(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	transport := NewBreaches("https://breaches.example/", nil).client.Transport.(*http.Transport)
	if transport.Proxy != nil || transport.TLSClientConfig != nil && transport.TLSClientConfig.InsecureSkipVerify {
		t.Errorf("%+v", transport)
	}
}
