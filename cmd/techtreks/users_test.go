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

// users runs a users command that must succeed, and returns its output.
func users(t testing.TB, env settings, args ...string) string {
	t.Helper()
	p := runToEnd(t, env, append([]string{"users"}, args...)...)
	if code := p.exit(waitLimit); code != 0 {
		t.Fatalf("users %q: exit status %d: %s", args, code, p.stderr.String())
	}
	return p.stdout.String()
}

// usersFails runs a users command that must fail, and returns the error.
func usersFails(t testing.TB, env settings, args ...string) string {
	t.Helper()
	p := runToEnd(t, env, append([]string{"users"}, args...)...)
	if code := p.exit(waitLimit); code != 1 || p.stdout.String() != "" {
		t.Errorf("users %q: exit status %d, output %q", args, code, p.stdout.String())
	}
	return p.stderr.String()
}

var printedLink = regexp.MustCompile(`http://localhost:3000/(accept-invitation|reset-password)#token=(\S+)`)

// printedToken returns the token of the link in the output of a command.
func printedToken(t testing.TB, printed, page string) string {
	t.Helper()
	m := printedLink.FindStringSubmatch(printed)
	if m == nil || m[1] != page {
		t.Fatalf("no link to %s in:\n%s", page, printed)
	}
	return m[2]
}

// ASVS 5.0.0-6.3.2: a new database has no default account.
func TestServe_HasNoDefaultAccount(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		env := serverSettings(url)
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
			t.Errorf("an empty list is\n%s", printed)
		}
	})
}

// The command line creates the first administrator without mail, while the server runs. Its
// changes take effect on the server at once.
func TestUsers_CreatesFirstAdministrator(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		env := serverSettings(url).with(settings{"REGISTRATION": "closed", "RATE_LIMITS": "login: 100 per minute"})
		p := serve(t, env)
		c := newClient(t, p.url)
		secret := printedToken(t, users(t, env, "create", "alice", "alice@example.com", "--role", "admin"), "accept-invitation")
		password := map[string]string{"token": secret, "password": "Tr4vel-light"}
		if a := c.call(t, "POST", "/auth/reset_password", "", password); !a.is(http.StatusOK) {
			t.Fatal(a)
		}
		if a := c.call(t, "POST", "/auth/reset_password", "", password); !a.is(http.StatusBadRequest) {
			t.Errorf("the link works a second time: %s", a)
		}
		login := func() string {
			return c.call(t, "POST", "/auth/login", "", map[string]string{"username": "alice", "password": "Tr4vel-light"}).cookie
		}
		cookie := login()
		list := c.call(t, "GET", "/auth/admin/users", cookie, nil)
		if !list.is(http.StatusOK) || !strings.Contains(list.String(), `"role":"admin"`) {
			t.Fatal(list)
		}

		// Changes on the command line take effect on the server at once.
		users(t, env, "create", "bob", "bob@example.com", "--role", "admin")
		users(t, env, "set-role", "alice@example.com", "moderator")
		if a := c.call(t, "GET", "/auth/admin/users/1/sessions", cookie, nil); !a.is(http.StatusForbidden) {
			t.Errorf("after the role was removed: %s", a)
		}
		users(t, env, "disable", "ALICE")
		if a := c.call(t, "GET", "/auth/profile", cookie, nil); !a.is(http.StatusUnauthorized) {
			t.Errorf("after the account was disabled: %s", a)
		}
		users(t, env, "enable", "alice")
		if cookie = login(); cookie == "" {
			t.Error("no login after the account was enabled")
		}
		reset := printedToken(t, users(t, env, "reset-password", "alice"), "reset-password")
		if a := c.call(t, "POST", "/auth/reset_password", "", map[string]string{"token": reset, "password": "N3w-passphrase"}); !a.is(http.StatusOK) {
			t.Errorf("the reset: %s", a)
		}
		users(t, env, "delete", "alice")
		p.stop()
		checkShellAudited(t, url)
	})
}

// checkShellAudited checks that the audit trail has the changes of the test above.
func checkShellAudited(t testing.TB, url string) {
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
			t.Errorf("%q is missing in %q", want, got)
		}
	}
	var left int
	if err := d.QueryRowContext(t.Context(), "SELECT count(*) FROM login_attempts").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d login counters of a deleted account are left, %v", left, err)
	}
}

// With MAIL_URL the running server emails the link, and the command does not print it.
func TestUsers_LinkIsMailedWithMailURL(t *testing.T) {
	eachKind(t, func(t *testing.T, _ db.Kind, url string) {
		server := mailtest.New(t)
		env := serverSettings(url).with(settings{"MAIL_URL": server.URL(), "MAIL_FROM": "auth@example.com", "FRONTEND_URL": "http://localhost:3000"})
		if printed := users(t, env, "create", "alice", "alice@example.com", "--role", "admin"); strings.Contains(printed, "token") {
			t.Errorf("printed:\n%s", printed)
		}
		p := serve(t, env)
		mails := server.WaitFor(t, 1)
		if text := mails[0].Text(t); !strings.Contains(text, "http://localhost:3000/accept-invitation#token=") || !strings.Contains(text, "Hi alice,") {
			t.Errorf("wrong mail\n%s", text)
		}
		// --link prints the link instead, for when mail does not work.
		secret := printedToken(t, users(t, env, "reset-password", "alice", "--link"), "accept-invitation")
		c := newClient(t, p.url)
		if a := c.call(t, "POST", "/auth/reset_password", "", map[string]string{"token": secret, "password": "Tr4vel-light"}); !a.is(http.StatusOK) {
			t.Errorf("the printed link: %s", a)
		}
		p.stop()
	})
}

func TestUsers_RejectsInvalidChanges(t *testing.T) {
	env := serverSettings(dbtest.URL(t, db.SQLite))
	users(t, env, "create", "alice", "alice@example.com", "--role", "admin")
	users(t, env, "create", "bob", "bob@example.com")
	users(t, env, "disable", "bob")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"show", "unknown"}, "no such account"},
		{[]string{"delete", "unknown@example.com"}, "no such account"},
		{[]string{"disable", "' OR 1=1 --"}, "no such account"},
		{[]string{"set-role", "alice", "user"}, "The last administrator must stay"},
		{[]string{"disable", "alice"}, "The last administrator must stay"},
		{[]string{"delete", "alice"}, "The last administrator must stay"},
		{[]string{"create", "ALICE", "other@example.com"}, "Username already taken"},
		{[]string{"create", "other", "Alice@example.com"}, "Email already registered"},
		{[]string{"create", "other", "other"}, `"other" is not a valid email address`},
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
		if got := usersFails(t, env, test.args...); !strings.Contains(got, test.want) {
			t.Errorf("users %q prints %q, want %q", test.args, got, test.want)
		}
	}
	if printed := users(t, env, "list"); strings.Count(printed, "\n") != 3 {
		t.Errorf("the list is\n%s", printed)
	}
	got := usersFails(t, productionSettings(dbtest.URL(t, db.SQLite)), "create", "alice", "alice@example.com")
	if !strings.Contains(got, "FRONTEND_URL is not set") {
		t.Errorf("no error without FRONTEND_URL: %q", got)
	}
}

func TestUsers_JSONFiltersAndLimits(t *testing.T) {
	env := serverSettings(dbtest.URL(t, db.SQLite))
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
