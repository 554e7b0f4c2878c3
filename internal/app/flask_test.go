package app_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/mail"
)

// A flaskCase is a row of the table in docs/flask.md.
type flaskCase struct {
	who, method, path, body string
	sent                    http.Header
	theirs                  int // the status of the Flask system
	flaskAnswer
}

type flaskAnswer struct {
	status  int
	members string // JSON that has to be in the answer, or its text; "" for any
	header  http.Header
}

// flaskStatuses are the endpoints that the Flask system has, with all that they
// answer, and those answers of its framework that any of them gives.
var flaskStatuses = map[string][]int{
	"GET /":                           {200},
	"POST /auth/register":             {201, 400, 409},
	"POST /auth/login":                {200, 400, 401},
	"POST /auth/logout":               {200},
	"GET /auth/current_user":          {200},
	"GET /auth/profile":               {200, 401},
	"GET /auth/verify/TOKEN":          {200, 400},
	"POST /auth/request_reset":        {200},
	"POST /auth/reset_password/TOKEN": {200, 400},
	"PUT /auth/update_profile":        {200, 401, 409},
	"PUT /auth/change_password":       {200, 401},
	"GET /auth/admin/users":           {200, 401, 403},
	"any":                             {400, 404, 405, 415, 429, 500},
}

var (
	flaskRow    = regexp.MustCompile("^\\| (\\w+) \\| `(\\w+) (\\S+?)(?: ([^`]*))?`( with .*?)? \\| (.*?) \\| (.*?) \\| (.*?) ?\\|$")
	flaskCell   = regexp.MustCompile("^(\\d{3})(?: HTML| `([^`]*)`)?( with .*)?$")
	flaskHeader = regexp.MustCompile("`([\\w-]+): ?([^`]*)`")
	flaskToken  = regexp.MustCompile(`^(/auth/verify|/auth/reset_password)/\w+$`)
)

// readFlaskTable reads the rows, and insists that a difference is explained, and
// that no endpoint and no status is left out.
func readFlaskTable(t *testing.T) (cases []flaskCase) {
	t.Helper()
	page, err := os.ReadFile("../../docs/flask.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string][]int{}
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| who ") {
			continue
		}
		row := flaskRow.FindStringSubmatch(line)
		if row == nil {
			t.Fatalf("not understood: %s", line)
		}
		ours, why := row[7], row[8]
		if (ours == "same") != (why == "") {
			t.Errorf("a difference has a reason, and nothing else has: %s", line)
		}
		theirs := readFlaskAnswer(t, row[6])
		c := flaskCase{who: row[1], method: row[2], path: row[3], body: row[4], sent: readFlaskHeaders(row[5]), theirs: theirs.status, flaskAnswer: theirs}
		if ours != "same" {
			c.flaskAnswer = readFlaskAnswer(t, ours)
		}
		cases = append(cases, c)
		endpoint := c.method + " " + flaskToken.ReplaceAllString(c.path, "$1/TOKEN")
		seen[endpoint] = append(seen[endpoint], c.theirs)
		seen["any"] = append(seen["any"], c.theirs)
	}
	for endpoint, statuses := range flaskStatuses {
		for _, status := range statuses {
			if !slices.Contains(seen[endpoint], status) {
				t.Errorf("no row for the %d of %s", status, endpoint)
			}
		}
	}
	return cases
}

func readFlaskAnswer(t *testing.T, text string) flaskAnswer {
	t.Helper()
	cell := flaskCell.FindStringSubmatch(text)
	if cell == nil {
		t.Fatalf("not an answer: %q", text)
	}
	status, err := strconv.Atoi(cell[1])
	if err != nil {
		t.Fatal(err)
	}
	return flaskAnswer{status, cell[2], readFlaskHeaders(cell[3])}
}

func readFlaskHeaders(text string) http.Header {
	header := http.Header{}
	for _, one := range flaskHeader.FindAllStringSubmatch(text, -1) {
		header.Set(one[1], one[2])
	}
	return header
}

// The front end of the Flask system meets the statuses and members it knows.
func TestAnswersAreThoseOfTheFlaskSystem(t *testing.T) {
	cases := readFlaskTable(t)
	each(t, func(t *testing.T, h *harness) {
		hurried := h.another(limiting())
		for _, c := range cases {
			t.Run(c.who+" "+c.method+" "+c.path, func(t *testing.T) {
				h := h.in(t)
				h.exec("DELETE FROM users") // and all that is theirs
				b := h.flaskVisitor(c.who)
				if c.who == "hurried" {
					b = hurried.in(t).browser()
					for range 5 {
						b.call(c.method, c.path, c.body).want(401, "invalid_credentials")
					}
				}
				h.answersFlask(b, c)
			})
		}
	})
}

// flaskVisitor is the browser of whom the table calls that.
func (h *harness) flaskVisitor(who string) *browser {
	h.t.Helper()
	b := h.browser()
	b.register("alice")
	b.register("bob")
	if who == "visitor" || who == "hurried" {
		return b
	}
	cookie := b.login("alice").cookie()
	switch who {
	case "alice":
		return b
	case "late":
		h.clock.advance(11 * time.Minute)
		return b
	case "admin":
		h.setRole("alice", "admin")
		return b
	case "left":
		b.call("POST", "/auth/logout", nil).want(200, "")
	case "changed":
		b.changePassword(goodPassword, newPassword).want(200, "")
	case "gone":
		b.deleteAccount(goodPassword).want(200, "")
	default:
		h.t.Fatalf("who is %s?", who)
	}
	b = h.browser()
	b.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(h.url, "http://")}, []*http.Cookie{{Name: "session", Value: cookie}})
	return b
}

// answersFlask makes the request of a row and checks the answer.
func (h *harness) answersFlask(b *browser, c flaskCase) {
	h.t.Helper()
	if path, ok := strings.CutSuffix(c.path, "VERIFY"); ok {
		c.path = path + h.mailedToken(mail.VerifyEmail, "alice@example.com")
	}
	if path, ok := strings.CutSuffix(c.path, "RESET"); ok {
		b.call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "")
		c.path = path + h.mailedToken(mail.ResetPassword, "alice@example.com")
	}
	var body any
	if c.body != "" {
		body = c.body
	}
	a := b.call(c.method, c.path, body, func(r *http.Request) { maps.Copy(r.Header, c.sent) })
	if a.status != c.status {
		h.t.Fatalf("got %d, want %d\n%s", a.status, c.status, a.body)
	}
	a.has(c.members)
	for name, want := range c.header {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(want[0]), "…", ".+")
		if got := strings.Join(a.header[name], ", "); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			h.t.Errorf("%s is %q, want %q", name, got, want[0])
		}
	}
}

// has fails the test unless the answer has at least these members, or is that
// text.
func (a *answer) has(want string) {
	a.t.Helper()
	if !strings.HasPrefix(want, "{") {
		if want != "" && string(a.body) != want {
			a.t.Errorf("got %q, want %q", a.body, want)
		}
		return
	}
	var expected any
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		a.t.Fatalf("%s: %v", want, err)
	}
	if !contains(a.json(), expected) {
		a.t.Errorf("got %s, want at least %s", a.body, want)
	}
}

// contains reports whether all that is in want is in got. Lists have to be as
// long as each other, and an id is any number.
func contains(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for name, value := range want {
			member, there := object[name]
			if _, isNumber := member.(float64); name == "id" && isNumber {
				value = member
			}
			ok = ok && there && contains(member, value)
		}
		return ok
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !contains(list[i], want[i]) {
				return false
			}
		}
		return true
	}
	return got == want
}
