package server_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/app"
	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/tracing"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spans is a collector that keeps the received spans, as text and parsed.
type spans struct {
	mu    sync.Mutex
	text  strings.Builder
	spans []*trace.Span
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(sent.String())
	for _, resource := range sent.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			s.spans = append(s.spans, scope.Spans...)
		}
	}
}

// named returns the spans with a name. It fails the test unless there are n.
func (s *spans) named(t *testing.T, name string, n int) []*trace.Span {
	t.Helper()
	var found []*trace.Span
	for _, span := range s.spans {
		if span.Name == name {
			found = append(found, span)
		}
	}
	if len(found) != n {
		t.Fatalf("got %d spans %q, want %d, in\n%v", len(found), name, n, s.text.String())
	}
	return found
}

// attributes returns the attributes of a span as text.
func attributes(span *trace.Span) map[string]string {
	all := make(map[string]string)
	for _, a := range span.Attributes {
		all[a.Key] = strings.Trim(strings.SplitN(a.Value.String(), ":", 2)[1], `"`)
	}
	return all
}

// traced runs a test on a server that sends its spans to a collector. finish sends the rest.
func traced(t *testing.T, test func(t *testing.T, h *apptest.Harness, got *spans, finish func())) {
	recordings := map[db.Kind]*apptest.Recording{}
	for _, kind := range dbtest.Kinds {
		r := &apptest.Recording{}
		recordings[kind] = r
		t.Run(string(kind), func(t *testing.T) {
			got := &spans{}
			live := httptest.NewServer(got)
			defer live.Close()
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", live.URL)
			t.Setenv("OTEL_SERVICE_NAME", "auth-under-test")
			d := dbtest.URL(t, kind)
			logs := apptest.NewLogBuffer()
			tracer, err := tracing.Start(t.Context(), "v1.2.3", logs.Logger())
			if err != nil {
				t.Fatal(err)
			}
			opened, err := db.Open(t.Context(), d, db.Through(tracer.OpenDB))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = opened.Close() })
			h := apptest.NewServerWith(t, opened, func(o *app.Options) { o.Tracer, o.Logger = tracer, tracer.Logger(o.Logger) })
			h.Recording = r
			h.Serve()
			test(t, h, got, func() {
				if err := tracer.Stop(); err != nil {
					t.Error(err)
				}
			})
			if logs.String() != "" {
				t.Errorf("got log\n%s\nwant none", logs)
			}
			r.Whole = true
		})
	}
	apptest.CompareRecordings(t, recordings)
}

func TestTracing_RecordsRequests(t *testing.T) {
	traced(t, func(t *testing.T, h *apptest.Harness, collected *spans, finish func()) {
		b := h.Browser()
		b.Register("alice")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": canaryPassword}).Want(401, "invalid_credentials")
		cookie := b.Login("alice").Cookie()
		b.Call("GET", "/"+canaryQuery+"?"+canaryQuery, nil, apptest.Header("User-Agent", canaryHeader)).Want(404, "not_found")
		b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}).Want(409, "username_taken")
		finish()

		logins := collected.named(t, "POST /auth/login", 2)
		for i, want := range []map[string]string{
			{"http.response.status_code": "401", "error.type": "invalid_credentials"},
			{"http.response.status_code": "200", "error.type": ""},
		} {
			got := attributes(logins[i])
			for name, value := range want {
				if got[name] != value {
					t.Errorf("login %d: %s: got %q, want %q", i, name, got[name], value)
				}
			}
			if got["http.route"] != "/auth/login" || got["techtreks.request_id"] == "" || logins[i].Kind != trace.Span_SPAN_KIND_SERVER {
				t.Errorf("login %d: got attributes %v and kind %v", i, got, logins[i].Kind)
			}
			inside := map[string]int{}
			for _, span := range collected.spans {
				if string(span.ParentSpanId) == string(logins[i].SpanId) && string(span.TraceId) == string(logins[i].TraceId) {
					inside[span.Name]++
				}
			}
			if inside["UserByUsernameKey"] != 1 || inside["password hash"] != 1 || i == 1 && inside["sql.tx.commit"] != 1 {
				t.Errorf("login %d: got children %v, want a query, a hash and the commit", i, inside)
			}
		}
		if got := attributes(collected.named(t, "GET unmatched", 1)[0]); got["http.response.status_code"] != "404" {
			t.Errorf("unknown path: got %v, want status 404", got)
		}
		text := collected.text.String()
		if !strings.Contains(text, "auth-under-test") || !strings.Contains(text, "v1.2.3") {
			t.Error("the spans lack the service or its version")
		}
		token, _, _ := strings.Cut(cookie, ".")
		for _, secret := range []string{canaryPassword, apptest.GoodPassword, canaryQuery, canaryHeader, "alice", "127.0.0.1", token, "SELECT", "argon2"} {
			if strings.Contains(text, secret) {
				t.Errorf("the spans have %s", secret)
			}
		}
		id := hex.EncodeToString(logins[1].TraceId)
		for _, line := range h.Logs.Requests(t) {
			if (line["trace_id"] == id) != (line["route"] == "/auth/login" && line["status"] == 200.0) {
				t.Errorf("%v: got trace %v, want that of the login only there", line["route"], line["trace_id"])
			}
		}
	})
}

// A request from a trusted proxy continues its trace. The trace that any other client names
// becomes only a link.
func TestTracing_ContinuesOnlyTracesOfTrustedProxies(t *testing.T) {
	const remote = "4bf92f3577b34da6a3ce929d0e0e4736"
	traced(t, func(t *testing.T, h *apptest.Harness, got *spans, finish func()) {
		h.Edge.Forwarded.TrustedProxies = []string{"192.0.2.0/24", "198.51.100.7"}
		b := h.InProcess()
		for _, peer := range []string{"192.0.2.9:1", "198.51.100.7:1", "203.0.113.5:1", "127.0.0.1:1"} {
			b.Call("GET", "/healthz", nil, from(peer), apptest.Header("traceparent", "00-"+remote+"-00f067aa0ba902b7-01")).Want(200, "")
		}
		b.Call("GET", "/healthz", nil, apptest.Header("traceparent", "00-rubbish")).Want(200, "")
		finish()
		for i, span := range got.named(t, "GET /healthz", 5) {
			if continued := hex.EncodeToString(span.TraceId) == remote; continued != (i < 2) || (len(span.Links) == 1) != (i == 2 || i == 3) {
				t.Errorf("request %d: got continued %v and %d links", i, continued, len(span.Links))
			}
		}
	})
}
