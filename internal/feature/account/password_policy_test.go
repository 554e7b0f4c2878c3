package account_test

import (
	"bufio"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
	"github.com/techtreks/auth/internal/config"
)

func byLength(c *config.Config) { c.PasswordPolicy = "length" }

const (
	tooCommon = "password_too_common"
	identity  = "password_contains_identity"
	breached  = "password_breached"
)

const (
	commonSentence   = "Password is too common"
	identitySentence = "Password must not be made of your name, your e-mail address or the name of this service"
	breachedSentence = "Password is known from a data breach"
)

// commonWords returns words of the list of common passwords, evenly spread.
func commonWords(t *testing.T, number int) (words []string) {
	t.Helper()
	f, err := os.Open("../../password/common-passwords.txt.gz")
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

func TestPasswordPolicy_RejectsCommonPasswordEverywhere(t *testing.T) {
	words := commonWords(t, 50)
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
			apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
				entries := h.OpenPasswordEntries()
				before := h.Dump()
				for _, word := range words {
					h.RefusesPassword(entries, test.decorated(word), tooCommon, commonSentence)
				}
				for _, password := range test.more {
					h.RefusesPassword(entries, password, tooCommon, commonSentence)
				}
				if h.Dump() != before {
					t.Error("a refusal has changed the database")
				}
				entries[2].Set("One that is not 0n the list!").Want(200, "")
			}, test.option)
		})
	}
}

// The policy rejects the name of the service, the username and the email in every spelling.
// A refusal does not use the token.
func TestPasswordPolicy_RejectsNamesEverywhere(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		entries := h.OpenPasswordEntries()
		for _, password := range []string{"TechTreks2026!aA", "t3chTr3k$-X", "Alice-7Qx!", "Al1c3!7q-X", "3c1lA-Zu7!"} {
			h.RefusesPassword(entries, password, identity, identitySentence)
		}
		// The name of the account to register is no name of the account that resets.
		entries[0].Set("Miller-7Qx!").Want(400, "invalid_fields")
		entries[1].Set("Miller-7Qx!").Want(200, "")
		entries[0].Set("Alice went up 1 hill").Want(201, "")
	})
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		entries := h.OpenPasswordEntries()
		h.RefusesPassword(entries, "Trailblazers7!", identity, identitySentence)
		h.RefusesPassword(entries, "Example-7Qx!", identity, identitySentence) // part of auth.example.com
		entries[2].Set(apptest.NewPassword).Want(200, "")
	}, func(c *config.Config) {
		c.MailFrom = "Trail Blazers <no-reply@trails.example>"
		c.PublicURL = "https://auth.example.com"
	})
}

// A refused password gets the same answer for a taken username as for a free one.
func TestRegister_RefusedPasswordDoesNotRevealAccounts(t *testing.T) {
	for _, registration := range []string{"open", "verified"} {
		apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
			h.Browser().Register("alice")
			before := h.Dump()
			var answers []string
			for _, name := range []string{"alice", "bobby"} {
				a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": name + "@example.com", "password": "Password1!"}).Want(400, "invalid_fields")
				answers = append(answers, strings.ReplaceAll(string(a.Body), a.JSON()["request_id"].(string), ""))
			}
			if answers[0] != answers[1] || h.Dump() != before {
				t.Errorf("got %q, want equal answers and no change", answers)
			}
		}, func(c *config.Config) { c.Registration = registration })
	}
}

// An invalid token is refused before the policy is checked. Otherwise the policy would
// reveal names of the account to a client without a token.
func TestResetPassword_ChecksTokenBeforePolicy(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		entries := h.OpenPasswordEntries()
		h.PasswordEntries(h.Browser(), "wrong")[2].Set("Password1!").Want(400, "invalid_token")
		entries[2].Set(apptest.NewPassword).Want(200, "")
		entries[2].Set("Alice-2026").Want(400, "invalid_token")
	})
}

func TestPasswordPolicy_LengthAcceptsPassphrases(t *testing.T) {
	const phrase = "correct horse battery staple"
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		entries := h.OpenPasswordEntries()
		const short = "Password must be at least 15 characters"
		for _, password := range []string{"fourteen chars", strings.Repeat("\U0001F511", 7), "Aa1!", "日本語のパスワードです。"} {
			h.RefusesPassword(entries, password, "too_short", short)
		}
		h.RefusesPassword(entries, strings.Repeat("x", 1025), "too_long", "Password must be at most 1024 characters")
		for i, password := range []string{
			phrase, "fifteen chars 1", "日本語のパスワードは長いです。", "\U0001F600\U0001F601\U0001F602\U0001F923\U0001F603\U0001F604\U0001F605\U0001F606\U0001F609\U0001F60A\U0001F60B\U0001F60E\U0001F60D\U0001F618\U0001F970",
			strings.Repeat("a long way ", 93) + "x", "   spaces count   ",
		} {
			name := "person." + string(rune('a'+i))
			h.Browser().Call("POST", "/auth/register", apptest.Members{"username": name, "email": name + "@z.example", "password": password}).Want(201, "")
			if !h.LoginWith(name, password) {
				t.Errorf("the password %q does not log in", password)
			}
		}
		entries[2].Set(phrase).Want(200, "")
	}, byLength)
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) { // composition
		a := h.Browser().Call("POST", "/auth/register", apptest.Members{"username": "carol", "email": "carol@z.example", "password": phrase}).Want(400, "invalid_fields")
		if got := apptest.FieldsOf(t, a); len(got) != 2 || got[0][1] != "uppercase_missing" || got[1][1] != "digit_missing" {
			t.Errorf("got %v, want uppercase_missing and digit_missing", got)
		}
	})
}

// The server serves the contract that it enforces.
func TestContract_ShowsPasswordPolicyInForce(t *testing.T) {
	rules := func(h *apptest.Harness) (rules []any, description string) {
		schema := h.Browser().Call("GET", "/openapi.json", nil).Want(200, "").JSON()["components"].(map[string]any)["schemas"].(map[string]any)["NewPassword"].(map[string]any)
		return schema["allOf"].([]any), schema["description"].(string)
	}
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		if all, text := rules(h); len(all) != 5 || all[0].(map[string]any)["minLength"] != 8.0 || !strings.Contains(text, "At least 8 characters") {
			t.Errorf("got %v, %s, want the composition policy", all, text)
		}
	})
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		all, text := rules(h)
		if len(all) != 1 || all[0].(map[string]any)["minLength"] != 15.0 || !strings.HasPrefix(text, "At least 15 characters") || strings.Contains(text, "upper") {
			t.Errorf("got %v, %s, want the length policy", all, text)
		}
		if yaml := string(h.Browser().Call("GET", "/openapi.yaml", nil).Want(200, "").Body); !strings.Contains(yaml, "minLength: 15") || strings.Contains(yaml, "x-code: special_missing") {
			t.Error("the YAML has the composition policy")
		}
	}, byLength)
}

// The test has a corpus of breached passwords that contains one password.
func TestPasswordPolicy_RejectsBreachedPasswordEverywhere(t *testing.T) {
	const known = "Breached-2019-again" // the suffix is its SHA-1, computed by another program
	const suffix = "CF00DE1CBF1EFFF5A6D1A7F42E9F7E3A58F"
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		var queries atomic.Int64
		answer := atomic.Pointer[string]{}
		corpus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			queries.Add(1)
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
		entries := h.OpenPasswordEntries()
		h.RefusesPassword(entries, known, breached, breachedSentence)
		before := queries.Load()
		h.RefusesPassword(entries, "Password1!", tooCommon, commonSentence)
		if !h.LoginWith("alice", apptest.GoodPassword) || queries.Load() != before {
			t.Error("the corpus was queried for a refused password, or at a login")
		}
		answer.Store(nil) // an outage of the corpus rejects no password
		entries[0].Set(known).Want(201, "")
		entries[1].Set(known).Want(200, "")
		if queries.Load() != before+2 || strings.Count(h.Logs.String(), "breached passwords not asked") != 2 {
			t.Errorf("got %d queries, want 2, each with a line in the log", queries.Load()-before)
		}
		h.WantMetrics(map[string]float64{
			`techtreks_breach_checks_total{outcome="found"}`: 4, `techtreks_breach_checks_total{outcome="unknown"}`: 2,
		})
	}, func(c *config.Config) { c.HIBPURL = "http://corpus.invalid" })
}
