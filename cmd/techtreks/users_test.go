package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/db"
	"github.com/techtreks/auth/db/dbtest"
	"github.com/techtreks/auth/internal/mail/mailtest"
)

// users runs a command that must succeed, and returns what it prints.
func users(t testing.TB, env settings, args ...string) string {
	t.Helper()
	p := runToEnd(t, env, append([]string{"users"}, args...)...)
	if code := p.exit(patience); code != 0 {
		t.Fatalf("users %q: exit status %d: %s", args, code, p.stderr.String())
	}
	return p.stdout.String()
}

// usersRefused runs one that must fail, and returns what it says.
func usersRefused(t testing.TB, env settings, args ...string) string {
	t.Helper()
	p := runToEnd(t, env, append([]string{"users"}, args...)...)
	if code := p.exit(patience); code != 1 || p.stdout.String() != "" {
		t.Errorf("users %q: exit status %d, output %q", args, code, p.stdout.String())
	}
	return p.stderr.String()
}

var printedLink = regexp.MustCompile(`http://localhost:3000/(accept-invitation|reset-password)#token=(\S+)`)

// printedToken is that of the link which a command has printed.
func printedToken(t testing.TB, printed, page string) string {
	t.Helper()
	m := printedLink.FindStringSubmatch(printed)
	if m == nil || m[1] != page {
		t.Fatalf("no link to %s in:\n%s", page, printed)
	}
	return m[2]
}

// ASVS 5.0.0-6.3.2: nobody is there who has not been made, under whatever name
// is tried first.
func TestThereIsNoDefaultAccount(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		env := serving(url)
		p := serve(t, env)
		c := newClient(t, p.url)
		for _, name := range []string{
			"admin", "administrator", "root", "user", "guest", "test", "demo", "techtreks", "operator", "system", "superuser",
			"manager", "support", "webmaster", "admin@example.com", "admin@localhost", "sa", "postgres", "oracle", "api", "service",
		} {
			for _, password := range []string{name, "admin"} {
				a := c.call(t, "POST", "/auth/login", "", map[string]string{"username": name, "password": password})
				if !a.is(http.StatusUnauthorized) && !a.is(http.StatusTooManyRequests) {
					t.Errorf("%s: %s", name, a)
				}
			}
		}
		p.stop()
		if printed := users(t, env, "list"); strings.Count(printed, "\n") != 1 {
			t.Errorf("the list of nobody is\n%s", printed)
		}
	})
}

// The whole way of the first administrator, on a machine without mail, while
// the server runs.
func TestFirstAdminIsMadeInTheShell(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		env := serving(url).with(settings{"REGISTRATION": "closed", "RATE_LIMITS": "login: 100 per minute"})
		p := serve(t, env)
		c := newClient(t, p.url)
		secret := printedToken(t, users(t, env, "create", "alice", "alice@example.com", "--role", "admin"), "accept-invitation")
		password := map[string]string{"token": secret, "password": "Tr4vel-light"}
		if a := c.call(t, "POST", "/auth/reset_password", "", password); !a.is(http.StatusOK) {
			t.Fatal(a)
		}
		if a := c.call(t, "POST", "/auth/reset_password", "", password); !a.is(http.StatusBadRequest) {
			t.Errorf("the link works twice: %s", a)
		}
		login := func() string {
			return c.call(t, "POST", "/auth/login", "", map[string]string{"username": "alice", "password": "Tr4vel-light"}).cookie
		}
		cookie := login()
		list := c.call(t, "GET", "/auth/admin/users", cookie, nil)
		if !list.is(http.StatusOK) || !strings.Contains(list.String(), `"role":"admin"`) {
			t.Fatal(list)
		}

		// What is changed in the shell counts for the server at once.
		users(t, env, "create", "bob", "bob@example.com", "--role", "admin")
		users(t, env, "set-role", "alice@example.com", "moderator")
		if a := c.call(t, "GET", "/auth/admin/users/1/sessions", cookie, nil); !a.is(http.StatusForbidden) {
			t.Errorf("after the role is gone: %s", a)
		}
		users(t, env, "disable", "ALICE")
		if a := c.call(t, "GET", "/auth/profile", cookie, nil); !a.is(http.StatusUnauthorized) {
			t.Errorf("after the account is disabled: %s", a)
		}
		users(t, env, "enable", "alice")
		if cookie = login(); cookie == "" {
			t.Error("no login after the account is enabled")
		}
		reset := printedToken(t, users(t, env, "reset-password", "alice"), "reset-password")
		if a := c.call(t, "POST", "/auth/reset_password", "", map[string]string{"token": reset, "password": "N3w-passphrase"}); !a.is(http.StatusOK) {
			t.Errorf("the reset: %s", a)
		}
		users(t, env, "delete", "alice")
		p.stop()
		recordedByShell(t, url)
	})
}

// recordedByShell checks that the trail has what the shell has done above.
func recordedByShell(t testing.TB, url string) {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	rows, err := d.QueryContext(t.Context(), "SELECT event, reason FROM audit_events WHERE operation = 'shell' AND actor_id IS NULL AND user_id = 1 ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var got []string
	for rows.Next() {
		var event, reason string
		if err := rows.Scan(&event, &reason); err != nil {
			t.Fatal(err)
		}
		got = append(got, event+" "+reason)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"user_created invited_as_admin", "authz_admin link_shown", "authz_change admin_to_moderator",
		"user_archived disabled", "user_updated enabled", "user_deleted ",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not recorded among %q", want, got)
		}
	}
	var left int
	if err := d.QueryRowContext(t.Context(), "SELECT count(*) FROM login_attempts").Scan(&left); err != nil || left != 0 {
		t.Errorf("of who is deleted %d counts of logins are left, %v", left, err)
	}
}

// With a mail server the link goes by mail, sent by the server that runs, and is
// printed for nobody to see.
func TestShellHasLinksMailed(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		server := mailtest.New(t)
		env := serving(url).with(settings{"MAIL_URL": server.URL(), "MAIL_FROM": "auth@example.com", "FRONTEND_URL": "http://localhost:3000"})
		if printed := users(t, env, "create", "alice", "alice@example.com", "--role", "admin"); strings.Contains(printed, "token") {
			t.Errorf("printed:\n%s", printed)
		}
		p := serve(t, env)
		mails := server.WaitFor(t, 1)
		if text := mails[0].Text(t); !strings.Contains(text, "http://localhost:3000/accept-invitation#token=") || !strings.Contains(text, "Hi alice,") {
			t.Errorf("the mail says\n%s", text)
		}
		// Mail can be out of order: then the link is printed when asked for.
		secret := printedToken(t, users(t, env, "reset-password", "alice", "--link"), "accept-invitation")
		c := newClient(t, p.url)
		if a := c.call(t, "POST", "/auth/reset_password", "", map[string]string{"token": secret, "password": "Tr4vel-light"}); !a.is(http.StatusOK) {
			t.Errorf("the printed link: %s", a)
		}
		p.stop()
	})
}

func TestShellRefuses(t *testing.T) {
	env := serving(dbtest.URL(t, db.SQLite))
	users(t, env, "create", "alice", "alice@example.com", "--role", "admin")
	users(t, env, "create", "bob", "bob@example.com")
	users(t, env, "disable", "bob")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"show", "nobody"}, "no such account"},
		{[]string{"delete", "nobody@example.com"}, "no such account"},
		{[]string{"disable", "' OR 1=1 --"}, "no such account"},
		{[]string{"set-role", "alice", "user"}, "The last administrator must stay"},
		{[]string{"disable", "alice"}, "The last administrator must stay"},
		{[]string{"delete", "alice"}, "The last administrator must stay"},
		{[]string{"create", "ALICE", "other@example.com"}, "Username already taken"},
		{[]string{"create", "other", "Alice@example.com"}, "Email already registered"},
		{[]string{"create", "other", "other"}, "not a valid address"},
		{[]string{"create", "x", "other@example.com"}, "Username must be 3-30 characters"},
		{[]string{"create", "<script>", "other@example.com"}, "Username can only contain letters"},
		{[]string{"set-role", "alice", "root"}, `must be one of "user"`},
		{[]string{"reset-password", "bob"}, "Account disabled"},
		{[]string{"create", "other", "other@example.com", "Tr4vel-light"}, "unexpected argument"},
		{[]string{"create", "other", "other@example.com", "--password=x"}, "unknown flag --password"},
		{[]string{"list", "--role", "root"}, "--role must be one of"},
		{[]string{"show"}, "expected \"<name>\""},
		{[]string{"list", "--limit", "9223372036854775808"}, "--limit: expected a valid 64 bit int b"},
	} {
		if said := usersRefused(t, env, test.args...); !strings.Contains(said, test.want) {
			t.Errorf("users %q says %q, want %q", test.args, said, test.want)
		}
	}
	if printed := users(t, env, "list"); strings.Count(printed, "\n") != 3 {
		t.Errorf("the list is\n%s", printed)
	}
	said := usersRefused(t, production(dbtest.URL(t, db.SQLite)), "create", "alice", "alice@example.com")
	if !strings.Contains(said, "FRONTEND_URL is not set") {
		t.Errorf("a link that leads nowhere: %q", said)
	}
}

func TestShellPrintsJSON(t *testing.T) {
	env := serving(dbtest.URL(t, db.SQLite))
	for i := range 3 {
		users(t, env, "create", fmt.Sprintf("user%d", i), fmt.Sprintf("user%d@example.com", i))
	}
	users(t, env, "set-role", "user1", "admin")
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"list"}, []string{"user0", "user1", "user2"}}, {[]string{"list", "--limit", "2"}, []string{"user0", "user1"}},
		{[]string{"list", "--role", "admin"}, []string{"user1"}}, {[]string{"list", "--search", "USER2"}, []string{"user2"}},
		{[]string{"list", "--state", "disabled"}, nil}, {[]string{"list", "--verified"}, nil}, {[]string{"list", "--no-verified", "--limit", "0"}, []string{"user0", "user1", "user2"}},
		{[]string{"show", "user1@example.com"}, []string{"user1"}},
	} {
		var got []string
		for line := range strings.Lines(users(t, env, append([]string{"--json"}, test.args...)...)) {
			var user struct{ Username, Role, State string }
			if err := json.Unmarshal([]byte(line), &user); err != nil || user.State != "active" {
				t.Fatalf("%q: %q: %v", test.args, line, err)
			}
			got = append(got, user.Username)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q prints %q, want %q", test.args, got, test.want)
		}
	}
}
