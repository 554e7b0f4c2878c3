package app_test

import (
	"bufio"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/techtreks/auth/internal/config"
	"github.com/techtreks/auth/internal/mail"
)

func byLength(c *config.Config) { c.PasswordPolicy = "length" }

const (
	tooCommon = "password_too_common"
	identity  = "password_contains_identity"
	breached  = "password_breached"
)

// A door is an operation that sets a password, for alice, who is logged in and
// has asked for a reset.
type door struct {
	name, field string
	set         func(password string) *answer
}

// doors are all of them.
func (h *harness) doors(b *browser, resetToken string) []door {
	stranger := h.browser()
	return []door{
		{"register", "password", func(p string) *answer {
			return stranger.call("POST", "/auth/register", members{"username": "alice.miller", "email": "alice@y.example", "password": p})
		}},
		{"change", "new_password", func(p string) *answer {
			return b.call("PUT", "/auth/change_password", members{"current_password": goodPassword, "new_password": p})
		}},
		{"reset", "password", func(p string) *answer {
			return stranger.call("POST", "/auth/reset_password", members{"token": resetToken, "password": p})
		}},
		{"reset by link", "password", func(p string) *answer {
			return stranger.call("POST", "/auth/reset_password/"+resetToken, members{"password": p})
		}},
	}
}

// refuses checks that a password is refused at every door, with one field, and
// that nothing comes of it.
func (h *harness) refuses(doors []door, password, code, sentence string) {
	h.t.Helper()
	for _, d := range doors {
		a := d.set(password).want(400, "invalid_fields")
		got := fieldsOf(h.t, a)
		if len(got) != 1 || got[0] != (field{d.field, code, sentence}) || a.json()["error"] != sentence || a.cookie() != "" {
			h.t.Errorf("%s: %q: %s", d.name, password, a.body)
		}
	}
}

// open prepares alice and everything that sets a password.
func (h *harness) open() []door {
	h.t.Helper()
	b := h.browser()
	b.register("alice")
	b.login("alice")
	h.browser().call("POST", "/auth/request_reset", members{"email": "alice@example.com"}).want(200, "")
	return h.doors(b, h.mailedToken(mail.ResetPassword, "alice@example.com"))
}

const (
	commonSentence   = "Password is too common"
	identitySentence = "Password must not be made of your name, your e-mail address or the name of this service"
	breachedSentence = "Password is known from a data breach"
)

// listed are entries of the list, evenly spread, that are words.
func listed(t *testing.T, number int) (words []string) {
	t.Helper()
	f, err := os.Open("../password/common-passwords.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for lines := bufio.NewScanner(unzipped); lines.Scan(); {
		if word := lines.Text(); len(word) >= 6 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" {
			all = append(all, word)
		}
	}
	for i := range number {
		words = append(words, all[i*len(all)/number])
	}
	return words
}

func TestCommonPasswordsAreRefusedAtEveryDoor(t *testing.T) {
	words := listed(t, 50)
	for name, test := range map[string]struct {
		option    func(*config.Config)
		decorated func(word string) string
		more      []string
	}{
		"composition": {func(*config.Config) {}, func(w string) string { return strings.ToUpper(w[:1]) + w[1:] + "1!" },
			[]string{"Password1!", "Passw0rd!", "P@$$w0rd2026", "Qwerty123!", "Aa1!Aa1!"}},
		"length": {byLength, func(w string) string { return w + "-20262026202620" },
			[]string{"passwordpassword", "qwertyuiopasdfgh", "aaaaaaaaaaaaaaa", "123456789012345", "P4ssw0rd!!!!!!!"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				doors := h.open()
				before := h.dump()
				for _, word := range words {
					h.refuses(doors, test.decorated(word), tooCommon, commonSentence)
				}
				for _, password := range test.more {
					h.refuses(doors, password, tooCommon, commonSentence)
				}
				if h.dump() != before {
					t.Error("a refusal has changed the database")
				}
				doors[2].set("One that nobody thinks 0f!").want(200, "")
			}, test.option)
		})
	}
}

// The name of the service, the person's own and that of the address, however
// spelled. A refusal spends no token.
func TestPasswordsMadeOfNamesAreRefusedAtEveryDoor(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		doors := h.open()
		for _, password := range []string{"TechTreks2026!aA", "t3chTr3k$-X", "Alice-7Qx!", "Al1c3!7q-X", "3c1lA-Zu7!"} {
			h.refuses(doors, password, identity, identitySentence)
		}
		// The names of the new account are not those of the one that resets.
		doors[0].set("Miller-7Qx!").want(400, "invalid_fields")
		doors[1].set("Miller-7Qx!").want(200, "")
		doors[0].set("Alice went up 1 hill").want(201, "")
	})
	each(t, func(t *testing.T, h *harness) {
		doors := h.open()
		h.refuses(doors, "Trailblazers7!", identity, identitySentence)
		h.refuses(doors, "Example-7Qx!", identity, identitySentence) // of auth.example.com
		doors[2].set(newPassword).want(200, "")
	}, func(c *config.Config) {
		c.MailFrom = "Trail Blazers <no-reply@trails.example>"
		c.PublicURL = "https://auth.example.com"
	})
}

// A taken name is refused for its password in the same words as a free one.
func TestRefusedPasswordsTellNobodyWhoHasAnAccount(t *testing.T) {
	for _, registration := range []string{"open", "verified"} {
		each(t, func(t *testing.T, h *harness) {
			h.browser().register("alice")
			before := h.dump()
			var answers []string
			for _, name := range []string{"alice", "bobby"} {
				a := h.browser().call("POST", "/auth/register", members{"username": name, "email": name + "@example.com", "password": "Password1!"}).want(400, "invalid_fields")
				answers = append(answers, strings.ReplaceAll(string(a.body), a.json()["request_id"].(string), ""))
			}
			if answers[0] != answers[1] || h.dump() != before {
				t.Errorf("got %q", answers)
			}
		}, func(c *config.Config) { c.Registration = registration })
	}
}

// Whoever has no token learns nothing about its owner: that it does not work
// goes first.
func TestResetTokenGoesBeforeThePolicy(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		doors := h.open()
		h.doors(h.browser(), "wrong")[2].set("Password1!").want(400, "invalid_token")
		doors[2].set(newPassword).want(200, "")
		doors[2].set("Alice-2026").want(400, "invalid_token")
	})
}

func TestLengthPolicy(t *testing.T) {
	const phrase = "correct horse battery staple"
	each(t, func(t *testing.T, h *harness) {
		doors := h.open()
		const short = "Password must be at least 15 characters"
		for _, password := range []string{"fourteen chars", strings.Repeat("\U0001F511", 7), "Aa1!", "日本語のパスワードです。"} {
			h.refuses(doors, password, "too_short", short)
		}
		h.refuses(doors, strings.Repeat("x", 1025), "too_long", "Password must be at most 1024 characters")
		for i, password := range []string{
			phrase, "fifteen chars 1", "日本語のパスワードは長いです。", "\U0001F600\U0001F601\U0001F602\U0001F923\U0001F603\U0001F604\U0001F605\U0001F606\U0001F609\U0001F60A\U0001F60B\U0001F60E\U0001F60D\U0001F618\U0001F970",
			strings.Repeat("a long way ", 93) + "x", "   spaces count   ",
		} {
			name := "person." + string(rune('a'+i))
			h.browser().call("POST", "/auth/register", members{"username": name, "email": name + "@z.example", "password": password}).want(201, "")
			if !h.loginWith(name, password) {
				t.Errorf("%q does not log in", password)
			}
		}
		doors[2].set(phrase).want(200, "")
	}, byLength)
	each(t, func(t *testing.T, h *harness) { // composition
		a := h.browser().call("POST", "/auth/register", members{"username": "carol", "email": "carol@z.example", "password": phrase}).want(400, "invalid_fields")
		if got := fieldsOf(t, a); len(got) != 2 || got[0].Code != "uppercase_missing" || got[1].Code != "digit_missing" {
			t.Errorf("got %v", got)
		}
	})
}

// The contract that a server serves is the one that it enforces.
func TestServedContractShowsThePolicyInForce(t *testing.T) {
	rules := func(h *harness) (rules []any, description string) {
		schema := h.browser().call("GET", "/openapi.json", nil).want(200, "").json()["components"].(map[string]any)["schemas"].(map[string]any)["NewPassword"].(map[string]any)
		return schema["allOf"].([]any), schema["description"].(string)
	}
	each(t, func(t *testing.T, h *harness) {
		if all, text := rules(h); len(all) != 5 || all[0].(map[string]any)["minLength"] != 8.0 || !strings.Contains(text, "At least 8 characters") {
			t.Errorf("%v, %s", all, text)
		}
	})
	each(t, func(t *testing.T, h *harness) {
		all, text := rules(h)
		if len(all) != 1 || all[0].(map[string]any)["minLength"] != 15.0 || !strings.HasPrefix(text, "At least 15 characters") || strings.Contains(text, "upper") {
			t.Errorf("%v, %s", all, text)
		}
		if yaml := string(h.browser().call("GET", "/openapi.yaml", nil).want(200, "").body); !strings.Contains(yaml, "minLength: 15") || strings.Contains(yaml, "x-code: special_missing") {
			t.Error("the YAML has the other policy")
		}
	}, byLength)
}

// A corpus that knows one password, whatever it is asked.
func TestBreachedPasswordsAreRefusedAtEveryDoor(t *testing.T) {
	const known = "Breached-2019-again" // SHA-1 computed apart from the code under test
	const suffix = "CF00DE1CBF1EFFF5A6D1A7F42E9F7E3A58F"
	each(t, func(t *testing.T, h *harness) {
		var asked atomic.Int64
		answer := atomic.Pointer[string]{}
		corpus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			if text := answer.Load(); text != nil {
				_, _ = w.Write([]byte(*text))
				return
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		defer corpus.Close()
		h.Validator.Policy.Breaches.URL = corpus.URL
		found := suffix + ":3\r\n"
		answer.Store(&found)
		doors := h.open()
		h.refuses(doors, known, breached, breachedSentence)
		before := asked.Load()
		h.refuses(doors, "Password1!", tooCommon, commonSentence)
		if !h.loginWith("alice", goodPassword) || asked.Load() != before {
			t.Error("the corpus is asked about what is refused anyway, or at a login")
		}
		answer.Store(nil) // it is broken: nobody is kept out
		doors[0].set(known).want(201, "")
		doors[1].set(known).want(200, "")
		if asked.Load() != before+2 || strings.Count(h.logs.String(), "breached passwords not asked") != 2 {
			t.Errorf("asked %d times", asked.Load()-before)
		}
		h.measured(map[string]float64{
			`techtreks_breach_checks_total{outcome="found"}`: 4, `techtreks_breach_checks_total{outcome="unknown"}`: 2,
		})
	}, func(c *config.Config) { c.HIBPURL = "http://corpus.invalid" })
}
