package registration_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

func TestRegister_UsernameAndEmailIgnoreCase(t *testing.T) {
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
				t.Errorf("login as %s: got %v, %v, want Alice, Alice@example.com", login, user["username"], user["email"])
			}
		}
	})
}

func TestRegister_InternationalDomainHasOneKey(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		b := h.Browser()
		b.Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": "alice@bücher.example", "password": apptest.GoodPassword}).Want(201, "")
		b.Call("POST", "/auth/register", apptest.Members{"username": "other", "email": "alice@xn--bcher-kva.example", "password": apptest.GoodPassword}).Want(409, "email_taken")
		b.Call("POST", "/auth/login", apptest.Members{"username": "alice@BÜCHER.example", "password": apptest.GoodPassword}).Want(200, "")
	})
}

func TestRegister_ConcurrentDuplicatesCreateOneAccount(t *testing.T) {
	identities := map[string]func(i int) (username, email string){
		"same username": func(i int) (string, string) { return "alice", fmt.Sprintf("alice%d@example.com", i) },
		"same email":    func(i int) (string, string) { return fmt.Sprintf("alice%d", i), "alice@example.com" },
		"other case":    func(i int) (string, string) { return mixedCase("alice", i), mixedCase("alice", i) + "@example.com" },
	}
	for name, identity := range identities {
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
				// 503 comes from the gate in front of the hasher, which has a bounded queue.
				if seen[201] != 1 || seen[201]+seen[409]+seen[503] != n {
					t.Errorf("got %v, want one 201 and otherwise 409 or 503", seen)
				}
				if rows := h.Count("SELECT count(*) FROM users"); rows != 1 {
					t.Errorf("got %d accounts, want 1", rows)
				}
			})
		})
	}
}

func mixedCase(s string, i int) string {
	letters := []byte(s)
	for bit := range letters {
		if i>>bit&1 == 1 {
			letters[bit] -= 32
		}
	}
	return string(letters)
}

func TestRegister_RejectsInvalidEmail(t *testing.T) {
	invalid := []string{
		"a@x.example,b@y.example", "a@x.example;b@y.example", "a@x.example b@y.example", `"N" <a@x.example>`, "<a@x.example>",
		"a(comment)@x.example", `"quoted"@x.example`, `"a b"@x.example`, "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a\uFF20x.example",
		"a@x.example\r\nBcc: b@y.example", "a\r\n@x.example", "a@x.example\n", "a\x00@x.example", "a@x.example\x00", "a\t@x.example",
		"a@x", "a@", "@x.example", "a@@x.example", "a@.example", "a@x..example", "a@x.example.", ".a@x.example", "a.@x.example",
		"a..b@x.example", "a@-x.example", "a@xn--example-.com", "a@\uFF58.example", "a@x.123", "jos\u00e9@x.example",
		strings.Repeat("a", 65) + "@x.example", "a@" + strings.Repeat("x", 64) + ".example",
		"a@" + strings.Repeat("x.", 130) + "example", "mailto:a@x.example?cc=b@y.example",
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		for _, email := range invalid {
			a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "alice", "email": email, "password": apptest.GoodPassword})
			if a.Want(400, "invalid_fields").JSON()["error"] != "Invalid email format" {
				t.Errorf("%q: got %s, want Invalid email format", email, a.Body)
			}
		}
		if n := h.Count("SELECT count(*) FROM users"); n != 0 {
			t.Errorf("got %d accounts, want 0", n)
		}
		b := h.Browser()
		b.Register("alice")
		b.Login("alice")
		h.Drain()
		for _, mode := range []string{"open", "verified"} {
			h.Accounts.Registration = mode
			for _, email := range invalid {
				if a := b.UpdateProfile(apptest.Members{"email": email}).Want(400, "invalid_fields"); a.JSON()["error"] != "Invalid email format" {
					t.Errorf("REGISTRATION=%s, %q: got %s, want Invalid email format", mode, email, a.Body)
				}
			}
		}
		if got := h.Queued(); len(got) != 0 || h.Account("alice")["email"] != "alice@example.com" {
			t.Errorf("got the mails %v, want none and the address unchanged", got)
		}
	})
}
