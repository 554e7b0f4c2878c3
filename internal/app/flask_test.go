package app_test

import (
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

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/mail"
)

// flaskStatuses lists the endpoints of the Flask system with every status that they return,
// and the statuses that its framework returns for any endpoint.
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

// readFlaskTable returns the rows of docs/flask.md. It fails the test unless each
// difference has a reason, and each status of each endpoint has a row.
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
			t.Fatalf("cannot parse the row %s", line)
		}
		ours, why := row[7], row[8]
		if (ours == "same") != (why == "") {
			t.Errorf("want a reason for a difference, and only there: %s", line)
		}
		theirs := readFlaskAnswer(t, row[6])
		c := flaskCase{Who: row[1], Method: row[2], Path: row[3], Body: row[4], Sent: readFlaskHeaders(row[5]), Theirs: theirs.Status, flaskAnswer: theirs}
		if ours != "same" {
			c.flaskAnswer = readFlaskAnswer(t, ours)
		}
		cases = append(cases, c)
		endpoint := c.Method + " " + flaskToken.ReplaceAllString(c.Path, "$1/TOKEN")
		seen[endpoint] = append(seen[endpoint], c.Theirs)
		seen["any"] = append(seen["any"], c.Theirs)
	}
	for endpoint, statuses := range flaskStatuses {
		for _, status := range statuses {
			if !slices.Contains(seen[endpoint], status) {
				t.Errorf("docs/flask.md lacks a row for %d of %s", status, endpoint)
			}
		}
	}
	return cases
}

func readFlaskAnswer(t *testing.T, text string) flaskAnswer {
	t.Helper()
	cell := flaskCell.FindStringSubmatch(text)
	if cell == nil {
		t.Fatalf("cannot parse the response %q", text)
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

// The front end of the Flask system gets the statuses and members that it knows.
func TestFlask_ResponsesMatchDocumentedTable(t *testing.T) {
	cases := readFlaskTable(t)
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		limited := h.StartAnother(apptest.WithLimits())
		for _, c := range cases {
			t.Run(c.Who+" "+c.Method+" "+c.Path, func(t *testing.T) {
				h := h.In(t)
				h.Exec("DELETE FROM users") // and their sessions and tokens
				b := flaskBrowser(h, c.Who)
				if c.Who == "hurried" {
					b = limited.In(t).Browser()
					for range 5 {
						b.Call(c.Method, c.Path, c.Body).Want(401, "invalid_credentials")
					}
				}
				checkFlaskCase(h, b, c)
			})
		}
	})
}

// A flaskCase is a row of the table in docs/flask.md.
type flaskCase struct {
	Who, Method, Path, Body string
	Sent                    http.Header
	Theirs                  int // the status of the Flask system
	flaskAnswer
}

type flaskAnswer struct {
	Status  int
	members string // JSON that the response must contain, or its text; "" for any
	header  http.Header
}

// flaskBrowser returns the browser of the caller in the table.
func flaskBrowser(h *apptest.Harness, who string) *apptest.Browser {
	h.T.Helper()
	b := h.Browser()
	b.Register("alice")
	b.Register("bob")
	if who == "visitor" || who == "hurried" {
		return b
	}
	cookie := b.Login("alice").Cookie()
	switch who {
	case "alice":
		return b
	case "late":
		h.Clock.Advance(11 * time.Minute)
		return b
	case "admin":
		h.SetRole("alice", "admin")
		return b
	case "left":
		b.Call("POST", "/auth/logout", nil).Want(200, "")
	case "changed":
		b.ChangePassword(apptest.GoodPassword, apptest.NewPassword).Want(200, "")
	case "gone":
		b.DeleteAccount(apptest.GoodPassword).Want(200, "")
	default:
		h.T.Fatalf("unknown caller %s", who)
	}
	b = h.Browser()
	b.Client.Jar.SetCookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(h.URL, "http://")}, []*http.Cookie{{Name: "session", Value: cookie}})
	return b
}

// checkFlaskCase sends the request of a row and checks the response.
func checkFlaskCase(h *apptest.Harness, b *apptest.Browser, c flaskCase) {
	h.T.Helper()
	if path, ok := strings.CutSuffix(c.Path, "VERIFY"); ok {
		c.Path = path + h.MailedToken(mail.VerifyEmail, "alice@example.com")
	}
	if path, ok := strings.CutSuffix(c.Path, "RESET"); ok {
		b.Call("POST", "/auth/request_reset", apptest.Members{"email": "alice@example.com"}).Want(200, "")
		c.Path = path + h.MailedToken(mail.ResetPassword, "alice@example.com")
	}
	var body any
	if c.Body != "" {
		body = c.Body
	}
	a := b.Call(c.Method, c.Path, body, func(r *http.Request) { maps.Copy(r.Header, c.Sent) })
	if a.Status != c.Status {
		h.T.Fatalf("got %d, want %d\n%s", a.Status, c.Status, a.Body)
	}
	a.Has(c.members)
	for name, want := range c.header {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(want[0]), "…", ".+")
		if got := strings.Join(a.Header[name], ", "); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			h.T.Errorf("%s: got %q, want %q", name, got, want[0])
		}
	}
}
