package server_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/mail"
)

// A flaskCase is a row of the table in docs/flask.md.
type flaskCase struct {
	who, method, path, body string
	status                  int
	members                 string // JSON that has to be in the answer, or its text; "" for any
}

var flaskRow = regexp.MustCompile("^\\| (\\w+) \\| `(\\w+) (\\S+)(?: (.*?))?` \\| (.*?) \\| (.*?) \\| (.*?) ?\\|$")
var flaskAnswer = regexp.MustCompile("^(\\d{3})(?: `(.*)`)?$")

// readFlaskTable reads the rows, and insists that a difference is explained.
func readFlaskTable(t *testing.T) (cases []flaskCase) {
	t.Helper()
	page, err := os.ReadFile("../../docs/flask.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| visitor") && !strings.HasPrefix(line, "| alice") && !strings.HasPrefix(line, "| admin") {
			continue
		}
		row := flaskRow.FindStringSubmatch(line)
		if row == nil {
			t.Fatalf("not understood: %s", line)
		}
		theirs, ours, why := row[5], row[6], row[7]
		if (ours == "same") != (why == "") {
			t.Errorf("a difference has a reason, and nothing else has: %s", line)
		}
		if ours == "same" {
			ours = theirs
		}
		answer := flaskAnswer.FindStringSubmatch(ours)
		if answer == nil {
			t.Fatalf("not an answer: %q in %s", ours, line)
		}
		status, err := strconv.Atoi(answer[1])
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, flaskCase{who: row[1], method: row[2], path: row[3], body: row[4], status: status, members: answer[2]})
	}
	return cases
}

// The front end of the Flask system meets the statuses and members it knows.
func TestAnswersAreThoseOfTheFlaskSystem(t *testing.T) {
	cases := readFlaskTable(t)
	if len(cases) < 40 {
		t.Fatalf("only %d rows", len(cases))
	}
	each(t, func(t *testing.T, h *harness) {
		for _, c := range cases {
			t.Run(c.who+" "+c.method+" "+c.path, func(t *testing.T) {
				h := h.in(t)
				h.exec("DELETE FROM users") // and all that is theirs
				h.answersFlask(c)
			})
		}
	})
}

// answersFlask makes the request of a row, by whom it says, and checks the
// answer.
func (h *harness) answersFlask(c flaskCase) {
	h.t.Helper()
	b := h.browser()
	b.register("alice")
	b.register("bob")
	if c.who != "visitor" {
		b.login("alice")
	}
	if c.who == "admin" {
		h.exec("UPDATE users SET role = 'admin' WHERE username = 'alice'")
	}
	c.path = strings.Replace(c.path, "VERIFY", h.mailedToken(mail.VerifyEmail, "alice@example.com"), 1)
	if strings.Contains(c.path, "RESET") {
		b.call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "")
		c.path = strings.Replace(c.path, "RESET", h.mailedToken(mail.ResetPassword, "alice@example.com"), 1)
	}
	var body any
	if c.body != "" {
		body = c.body
	}
	a := b.call(c.method, c.path, body)
	if a.status != c.status {
		h.t.Fatalf("got %d, want %d\n%s", a.status, c.status, a.body)
	}
	a.has(c.members)
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
// long as each other.
func contains(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for name, value := range want {
			member, there := object[name]
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
