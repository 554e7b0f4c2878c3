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

// The SHA-1 of goodPhrase, not computed by the code under test.
const (
	phrasePrefix = "ABF7A"
	phraseSuffix = "AD6438836DBE526AA231ABDE2D0EEF74D42"
)

// corpus is a breach corpus with a response that the test chooses.
type corpus struct {
	*Breaches
	mu       sync.Mutex // guards requests: the handler of a broken connection may still run
	requests []*http.Request
	outcomes outcomes
	logs     bytes.Buffer
}

func newCorpus(t *testing.T, answer http.HandlerFunc) *corpus {
	t.Helper()
	c := &corpus{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r)
		c.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	c.Breaches = NewBreaches(server.URL+"/", slog.New(slog.NewTextHandler(&c.logs, nil)))
	c.Outcomes = &c.outcomes
	t.Cleanup(c.client.CloseIdleConnections)
	return c
}

// respond returns a handler with a fixed response.
func respond(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

var padding = strings.Repeat("0018A45C4D1DEF81644B54AB7F969B88D65:0\r\n", 900)

func TestBreaches_OutcomeByResponse(t *testing.T) {
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		outcome string
	}{
		"found":                    {respond(200, "00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2\r\n"+phraseSuffix+":37\r\n"), "found"},
		"found after padding":      {respond(200, padding+strings.ToLower(phraseSuffix)+":1"), "found"},
		"only as padding":          {respond(200, padding+phraseSuffix+":0\r\n"), "clear"},
		"not found":                {respond(200, padding), "clear"},
		"empty":                    {respond(200, ""), "unknown"},
		"html":                     {respond(200, "<html>log in to the Wi-Fi</html>"), "unknown"},
		"html with colons":         {respond(200, strings.Repeat("a", 34)+"<:12"), "unknown"},
		"negative count":           {respond(200, phraseSuffix+":-1"), "unknown"},
		"suffix of another length": {respond(200, phraseSuffix+"0:12"), "unknown"},
		"too long":                 {respond(200, strings.Repeat(padding, 10)), "unknown"},
		"line without an end":      {respond(200, strings.Repeat("A", 1<<20)), "unknown"},
		"server error":             {respond(503, phraseSuffix+":37"), "unknown"},
		"rate limited":             {respond(429, ""), "unknown"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/found/"+r.URL.Path, http.StatusFound)
		}, "unknown"},
		"connection aborted": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCorpus(t, test.answer)
			want := Refusal("")
			if test.outcome == "found" {
				want = Breached
			}
			if got := (&Policy{Breaches: c.Breaches}).Check(t.Context(), goodPhrase, alice); got != want {
				t.Errorf("Check returned %q, want %q", got, want)
			}
			c.mu.Lock()
			requests := len(c.requests)
			c.mu.Unlock()
			if !slices.Equal(c.outcomes, []string{test.outcome}) || requests != 1 {
				t.Errorf("%v after %d requests", c.outcomes, requests)
			}
			if warned := strings.Contains(c.logs.String(), "level=WARN"); warned != (test.outcome == "unknown") {
				t.Errorf("logged %q", c.logs.String())
			}
		})
	}
}

// The request contains five digits of the hash and no more. If the request fails,
// the log contains none of them.
func TestBreaches_SendsOnlyFiveDigits(t *testing.T) {
	c := newCorpus(t, respond(200, padding))
	if c.Has(t.Context(), goodPhrase) {
		t.Error("found")
	}
	r := c.requests[0]
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

// The lookup happens only for passwords that pass all other checks.
func TestPolicy_QueriesBreachesLast(t *testing.T) {
	c := newCorpus(t, respond(200, padding))
	p := &Policy{Breaches: c.Breaches}
	for _, password := range []string{"Password1!", "Alice.b-Zu7!"} {
		if p.Check(t.Context(), password, alice) == "" {
			t.Errorf("%s is accepted", password)
		}
	}
	if len(c.requests) != 0 {
		t.Errorf("%d requests", len(c.requests))
	}
}

// silent is a service that never responds, or sends only the beginning of its
// response.
type silent struct{ beginning string }

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.beginning == "" {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	in, out := io.Pipe()
	go func() {
		_, _ = io.WriteString(out, s.beginning)
		<-r.Context().Done()
		_ = out.CloseWithError(r.Context().Err())
	}()
	return &http.Response{StatusCode: 200, Body: in}, nil
}

func TestBreaches_TimesOut(t *testing.T) {
	for _, beginning := range []string{"", padding[:1000]} {
		synctest.Test(t, func(t *testing.T) {
			var outcomes outcomes
			b := &Breaches{
				URL: "https://breaches.example", Logger: slog.New(slog.DiscardHandler),
				Outcomes: &outcomes,
				client:   &http.Client{Transport: silent{beginning}},
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

// The client connects only to the configured host.
func TestNewBreaches_UsesNoProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	transport := NewBreaches("https://breaches.example/", nil).client.Transport.(*http.Transport)
	if transport.Proxy != nil || transport.TLSClientConfig != nil && transport.TLSClientConfig.InsecureSkipVerify {
		t.Errorf("%+v", transport)
	}
}

// outcomes collects what was counted.
type outcomes []string

func (o *outcomes) BreachCheck(outcome string) { *o = append(*o, outcome) }
