package authentication_test

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/password"
)

// The wire that front ends of the Flask system rely on: paths, statuses and
// these members. "*" stands for anything.
func TestWireOfTheFlaskSystem(t *testing.T) {
	user := map[string]any{"id": 1.0, "username": "alice", "email": "alice@example.com", "role": "user", "email_verified": false}
	steps := []struct {
		method, path string
		body         any
		status       int
		members      map[string]any
	}{
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": false, "user": nil}},
		{"GET", "/auth/profile", nil, 401, apptest.Members{"error": "Login required"}},
		{"POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}, 201, apptest.Members{"ok": true, "msg": "User registered"}},
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": false, "user": nil}},
		{"POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice2@example.com", "password": apptest.GoodPassword}, 409, apptest.Members{"ok": false, "error": "Username already taken"}},
		{"POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@example.com", "password": apptest.GoodPassword}, 409, apptest.Members{"ok": false, "error": "Username already taken"}},
		{"POST", "/auth/register", apptest.Members{"username": "alice2", "email": "alice@example.com", "password": apptest.GoodPassword}, 409, apptest.Members{"ok": false, "error": "Email already registered"}},
		{"POST", "/auth/register", apptest.Members{"username": "bob", "email": "bob@example.com"}, 400, apptest.Members{"ok": false, "error": "All fields required"}},
		{"POST", "/auth/login", apptest.Members{"username": "alice"}, 400, apptest.Members{"error": "missing credentials"}},
		{"POST", "/auth/login", apptest.Members{"username": "alice", "password": "wrong"}, 401, apptest.Members{"error": "invalid credentials"}},
		{"POST", "/auth/login", apptest.Members{"username": "nobody", "password": apptest.GoodPassword}, 401, apptest.Members{"error": "invalid credentials"}},
		{"POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}, 200, apptest.Members{"ok": true, "msg": "login successful", "user": user}},
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": true, "user": user}},
		{"GET", "/auth/profile", nil, 200, apptest.Members{"username": "alice", "email": "alice@example.com"}},
		{"POST", "/auth/logout", nil, 200, apptest.Members{"ok": true, "msg": "logged out"}},
		{"GET", "/auth/current_user", nil, 200, apptest.Members{"ok": false, "user": nil}},
		{"GET", "/auth/profile", nil, 401, apptest.Members{"error": "Login required"}},
		{"POST", "/auth/logout", nil, 200, apptest.Members{"ok": true, "msg": "logged out"}},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		for i, step := range steps {
			a := b.Call(step.method, step.path, step.body, apptest.Header("Origin", "http://localhost:3000"), apptest.Header("Sec-Fetch-Site", "same-site"))
			if a.Status != step.status {
				t.Fatalf("step %d, %s: %d, want %d\n%s", i, a.What, a.Status, step.status, a.Body)
			}
			got := a.JSON()
			for name, want := range step.members {
				if value, there := got[name]; !there || !reflect.DeepEqual(value, want) {
					t.Errorf("step %d, %s: %s is %v, want %v", i, a.What, name, value, want)
				}
			}
		}
	})
}

func TestUserCarriesNothingElse(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		want := `{"ok":true,"user":{"email":"alice@example.com","email_verified":false,"id":1,"role":"user","username":"alice"}}` + "\n"
		if got := string(b.Call("GET", "/auth/current_user", nil).Body); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestNamesAndAddressesAreOneWhateverTheirCase(t *testing.T) {
	taken := []struct{ username, email, code string }{
		{"ALICE", "other@example.com", "username_taken"},
		{"aLiCe", "other@example.com", "username_taken"},
		{"other", "Alice@Example.COM", "email_taken"},
		{"other", "alice@EXAMPLE.com", "email_taken"},
		{"ALICE", "ALICE@EXAMPLE.COM", "username_taken"},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/register", apptest.Members{"username": "Alice", "email": "Alice@example.com", "password": apptest.GoodPassword}).Want(201, "")
		for _, test := range taken {
			b.Call("POST", "/auth/register", apptest.Members{"username": test.username, "email": test.email, "password": apptest.GoodPassword}).Want(409, test.code)
		}
		for _, login := range []string{"Alice", "alice", "ALICE", "Alice@example.com", "ALICE@EXAMPLE.COM"} {
			user := h.Browser().Call("POST", "/auth/login", apptest.Members{"username": login, "password": apptest.GoodPassword}).Want(200, "").JSON()["user"].(map[string]any)
			if user["username"] != "Alice" || user["email"] != "Alice@example.com" {
				t.Errorf("login as %s: shown as %v, %v, not as typed", login, user["username"], user["email"])
			}
		}
	})
}

func TestInternationalDomainsAreOneInBothForms(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@bücher.example", "password": apptest.GoodPassword}).Want(201, "")
		b.Call("POST", "/auth/register", apptest.Members{"username": "other", "email": "alice@xn--bcher-kva.example", "password": apptest.GoodPassword}).Want(409, "email_taken")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice@BÜCHER.example", "password": apptest.GoodPassword}).Want(200, "")
	})
}

// Letters that some folding equates with others (Kelvin sign, long s, dotless
// i) must not reach somebody else's account (Django CVE-2019-19844).
func TestLookAlikesReachNobody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("mike")
		b.Register("kiss")
		for _, login := range []string{
			"m\u0131ke", "mi\u212Ae", "\u212Aiss", "ki\u017Fs", "m\uFF49ke", "mike\u200B", "mike ", " mike", "mike\x00",
			"m\u0131ke@example.com", "mi\u212Ae@example.com", "mike@example\uFF0Ecom", "mike\uFF20example.com", "mike@exampl\u0435.com",
			"mike@example.com ", "mike@example.com,kiss@example.com", "<mike@example.com>",
		} {
			h.Browser().Call("POST", "/auth/login", apptest.Members{"username": login, "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
		}
	})
}

func TestPasswordsAreTakenExactlyAsTyped(t *testing.T) {
	long := strings.Repeat("Tr4vel-l", 16)
	passwords := map[string][]string{
		" Tr4vel light ":                         {"Tr4vel light", " Tr4vel light", "Tr4vel light "},
		"Tr4vel\x00light-one":                    {"Tr4vel", "Tr4vel\x00light-two", "Tr4vellight-one"},
		long:                                     {long[:72], long[:127], long + "x", strings.ToLower(long)},
		"Aa1" + strings.Repeat("\U0001F511", 61): {"Aa1" + strings.Repeat("\U0001F511", 60)},
		"Aa1" + strings.Repeat("é", 1021):        {"Aa1" + strings.Repeat("é", 1020), "Aa1" + strings.Repeat("e\u0301", 500)},
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		i := 0
		for right, wrongs := range apptest.InOrder(passwords) {
			i++
			username := fmt.Sprintf("user%d", i)
			b := h.Browser()
			b.Call("POST", "/auth/register", apptest.Members{"username": username, "email": username + "@example.com", "password": right}).Want(201, "")
			for _, wrong := range wrongs {
				b.Call("POST", "/auth/login", apptest.Members{"username": username, "password": wrong}).Want(401, "invalid_credentials")
			}
			b.Call("POST", "/auth/login", apptest.Members{"username": username, "password": right}).Want(200, "")
		}
	})
}

func TestUnknownUsersCostAHash(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		b.Register("disabled")
		b.Register("passwordless")
		for _, change := range []string{
			"UPDATE users SET disabled_at = created_at WHERE username = 'disabled'",
			"UPDATE users SET password_hash = NULL WHERE username = 'passwordless'",
		} {
			if _, err := h.DB.ExecContext(t.Context(), change); err != nil {
				t.Fatal(err)
			}
		}
		var first *apptest.Answer
		for _, login := range []string{
			"alice", "alice@example.com", "nobody", "nobody@example.com", "not an address@", "\u212A", "disabled", "passwordless",
		} {
			before := h.Passwords().Hashes()
			a := b.Call("POST", "/auth/login", apptest.Members{"username": login, "password": "Wrong-passw0rd"})
			if n := h.Passwords().Hashes() - before; n != 1 {
				t.Errorf("%q: %d hashes, want 1", login, n)
			}
			if first == nil {
				first = a
			}
			if got, want := apptest.WithoutID(a), apptest.WithoutID(first); got != want {
				t.Errorf("%q is told apart:\n%s\n%s", login, got, want)
			}
		}
	})
}

func TestTwinRegistrationsGiveOneAccount(t *testing.T) {
	kinds := map[string]func(i int) (username, email string){
		"one name":      func(i int) (string, string) { return "alice", fmt.Sprintf("alice%d@example.com", i) },
		"one address":   func(i int) (string, string) { return fmt.Sprintf("alice%d", i), "alice@example.com" },
		"twins in case": func(i int) (string, string) { return twinCase("alice", i), twinCase("alice", i) + "@example.com" },
	}
	for name, identity := range kinds {
		t.Run(name, func(t *testing.T) {
			apptest.EachRace(t, func(t *testing.T, h *apptest.Harness) {
				const n = 100
				statuses := make(chan int, n)
				var wait sync.WaitGroup
				for i := range n {
					username, email := identity(i)
					b := h.Browser()
					wait.Go(func() {
						statuses <- b.Call("POST", "/auth/register", apptest.Members{"username": username, "email": email, "password": apptest.GoodPassword}).Status
					})
				}
				wait.Wait()
				close(statuses)
				seen := map[int]int{}
				for status := range statuses {
					seen[status]++
				}
				// 503 is the gate before the hasher, which takes a bounded queue.
				if seen[201] != 1 || seen[201]+seen[409]+seen[503] != n {
					t.Errorf("answers %v, want one 201 and otherwise 409 or 503", seen)
				}
				if rows := h.Count("SELECT count(*) FROM users"); rows != 1 {
					t.Errorf("%d accounts", rows)
				}
			})
		})
	}
}

func twinCase(s string, i int) string {
	letters := []byte(s)
	for bit := range letters {
		if i>>bit&1 == 1 {
			letters[bit] -= 32
		}
	}
	return string(letters)
}

func TestAddressesThatAreMoreThanOnePlainAddress(t *testing.T) {
	refused := []string{
		"a@x.example,b@y.example", "a@x.example;b@y.example", "a@x.example b@y.example", `"N" <a@x.example>`, "<a@x.example>",
		"a(comment)@x.example", `"quoted"@x.example`, `"a b"@x.example`, "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a\uFF20x.example",
		"a@x.example\r\nBcc: b@y.example", "a\r\n@x.example", "a@x.example\n", "a\x00@x.example", "a@x.example\x00", "a\t@x.example",
		"a@x", "a@", "@x.example", "a@@x.example", "a@.example", "a@x..example", "a@x.example.", ".a@x.example", "a.@x.example",
		"a..b@x.example", "a@-x.example", "a@xn--example-.com", "a@\uFF58.example", "a@x.123", "jos\u00e9@x.example",
		strings.Repeat("a", 65) + "@x.example", "a@" + strings.Repeat("x", 64) + ".example",
		"a@" + strings.Repeat("x.", 130) + "example", "mailto:a@x.example?cc=b@y.example",
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, email := range refused {
			a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": email, "password": apptest.GoodPassword})
			if a.Want(400, "invalid_fields").JSON()["error"] != "Invalid email format" {
				t.Errorf("%q: %s", email, a.Body)
			}
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("%d accounts", n)
		}
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Drain()
		for _, mode := range []string{"open", "verified"} {
			h.Accounts.Registration = mode
			for _, email := range refused {
				if a := b.UpdateProfile(apptest.Members{"email": email}).Want(400, "invalid_fields"); a.JSON()["error"] != "Invalid email format" {
					t.Errorf("%s, %q: %s", mode, email, a.Body)
				}
			}
		}
		if got := h.Queued(); len(got) != 0 || h.Account("alice")["email"] != "alice@example.com" {
			t.Errorf("these mails wait: %v", got)
		}
	})
}

func TestOldHashesAreRenewedAtLogin(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		stored := func() string {
			user, err := h.DB.UserByUsernameKey(t.Context(), "alice")
			if err != nil {
				t.Fatal(err)
			}
			return *user.PasswordHash
		}
		cheap := stored()
		h.SetPasswords(&password.Hasher{}) // as in production
		b.Login("alice")
		renewed := stored()
		if renewed == cheap || !strings.HasPrefix(renewed, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("after the login the hash is %s", renewed)
		}
		b.Login("alice")
		if stored() != renewed {
			t.Error("an up-to-date hash was replaced")
		}
	})
}

func TestUnusableHashIsARefusalAndAnAlarm(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Register("alice")
		if _, err := h.DB.ExecContext(t.Context(), "UPDATE users SET password_hash = '$argon2id$v=19$m=4194304,t=2,p=1$AAAA$AAAA'"); err != nil {
			t.Fatal(err)
		}
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice", "password": apptest.GoodPassword}).Want(401, "invalid_credentials")
		if !strings.Contains(h.Logs.String(), "stored password hash is unusable") {
			t.Error("nobody is told")
		}
	})
}
