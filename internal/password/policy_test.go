package password

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/techtreks/auth/internal/confusable"
	"github.com/techtreks/auth/internal/fuzztest"
)

var alice = Owner{Username: "alice.b", Email: "alice.miller+web@example.com"}

func TestPolicy_RefusesCommonAndPersonalPasswords(t *testing.T) {
	p := &Policy{Service: []string{"TechTreks", "My Hiking Club"}}
	for want, passwords := range map[Refusal][]string{
		TooCommon: {
			"Password1!", "Passw0rd!", "P@$$w0rd1", "!!Password!!", "2026Sunshine!", "$unsh1ne99!", "Welc0m3123!", "Qwerty123$", "Letmein!1",
			"Iloveyou2!", "Pa55word#2026#", "PASSWORDpassword1!", "password12345678", "passwordpasswor", "dragondragondragon!",
			"Aa1!Aa1!", "aaaaaaaaaaaaaaaa", "AbcAbcAbcAbcAbc", "abcdefghijklmno", "zyxwvutsrqponml", "qwertyuiopasdfg", "1qaz2wsx3edc4rf", "Abcdefgh1!",
			"123456789012345", "098765432109876", strings.Repeat("x", 1024), strings.Repeat("7!", 500),
		},
		ContainsIdentity: {
			"TechTreks2026!aA", "t3chtr3k$-4-us", "skerthcet-2X!", "Alice.b-Zu7!", "Al1ce-Zu7!q", "Zu7!alice.bXy", "Alice.Miller7!", "rellim-7Qx!", "M1ll3r-7Qx!",
			"AliceMillerWeb7!", "Hiking-7Qx!", "MyHikingClub-7Q", "Alice.B12345678", "alice.miller+web@example.com",
		},
		"": {
			goodPhrase, "Tr4vel-light", "N3w-passphrase", "alice went up the hill and down", "Zx9#kk-techtreks-pL2", "8273-clubs-QX-4402!x",
			"passwordless future ahead", "Xk7#mQ9z", "日本語のパスワード", "😀😁😂🤣😃😄😅😆", "drag0nfly over the lake",
		},
	} {
		for _, password := range passwords {
			if got := p.Check(t.Context(), password, alice); got != want {
				t.Errorf("%.40q: %q, want %q", password, got, want)
			}
		}
	}
}

const goodPhrase = "correct horse battery staple"

// Names below the minimum length exclude no password.
func TestPolicy_IgnoresShortNames(t *testing.T) {
	p := &Policy{Service: []string{"X"}}
	for _, owner := range []Owner{{}, {Username: "...", Email: "al@example.com"}, {Username: "abi", Email: "@"}, {Username: "a-b_c", Email: "o.o@o.example"}} {
		for _, password := range []string{"Alpine-Qx7!", "abra-kad-Qx7!", "xX-box-Qx7!!"} {
			if got := p.Check(t.Context(), password, owner); got != "" {
				t.Errorf("%q of %+v: %s", password, owner, got)
			}
		}
	}
	if got := p.Check(t.Context(), "Bob12345!", Owner{Username: "bob"}); got == "" {
		t.Error("a password with a name of three characters is accepted")
	}
}

// Every entry of the list is refused, also with the changes that people make to
// satisfy composition rules.
func TestPolicy_RefusesEveryListedPassword(t *testing.T) {
	list := common()
	if len(list) < 10_000 || !slices.IsSorted(list) {
		t.Fatalf("%d entries", len(list))
	}
	p := &Policy{}
	longest := 0
	for _, entry := range list {
		longest = max(longest, len([]rune(entry)))
		tries := []string{entry, strings.ToUpper(entry)}
		if len(entry) >= minCore && unicode.IsLetter(rune(entry[0])) && unicode.IsLetter(rune(entry[len(entry)-1])) {
			tries = append(tries, entry+"1!", "#"+entry+"2026", "77"+entry, strings.NewReplacer("o", "0", "a", "@", "e", "3", "s", "$").Replace(entry))
		}
		for _, password := range tries {
			if got := p.Check(t.Context(), password, Owner{}); got != TooCommon {
				t.Errorf("%q: %q", password, got)
			}
		}
	}
	if longest != maxListed {
		t.Errorf("the longest entry has %d characters, and maxListed is %d", longest, maxListed)
	}
}

func TestPeriod_IsShortestRepeatedPrefix(t *testing.T) {
	for s, want := range map[string]int{"": 0, "a": 1, "aaaa": 1, "abab": 2, "abcabcab": 3, "abcd": 4, "aabaab": 3, "aabaa": 3, "abcab": 3} {
		if got := period([]rune(s)); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// The list takes as much memory as its documentation states.
func TestCommon_TakesHalfAMegabyte(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := common()
	runtime.GC()
	runtime.ReadMemStats(&after)
	size := len(kept)*16 + len(strings.Join(kept, "\n"))
	t.Logf("%d skeletons, %d KiB (heap before %d KiB, after %d KiB)", len(kept), size>>10, before.HeapAlloc>>10, after.HeapAlloc>>10)
	if size > 600<<10 {
		t.Errorf("the list takes %d bytes", size)
	}
	runtime.KeepAlive(kept)
}

func BenchmarkPolicy(b *testing.B) {
	p := &Policy{Service: []string{"TechTreks"}}
	for name, password := range map[string]string{
		"usual": "Tr4vel-light", "long": strings.Repeat("abcdefghijklmnop", 64)[:1023] + "!", "digits": "x" + strings.Repeat("0123456789", 102),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p.Check(b.Context(), password, alice)
			}
		})
	}
}

// Check accepts input of any content and length and is deterministic.
func FuzzPolicy(f *testing.F) {
	for _, s := range []string{"", "a", "Password1!", "alice", "\x00", "İİİİ", "\xff\xff", strings.Repeat("!", 100)} {
		f.Add(s, "alice", "alice@example.com")
	}
	p := &Policy{Service: []string{"TechTreks"}}
	f.Fuzz(func(t *testing.T, password, username, address string) {
		fuzztest.MustReturn(t)
		got := p.Check(t.Context(), password, Owner{username, address})
		if got != p.Check(t.Context(), password, Owner{username, address}) || got != "" && !slices.Contains(Refusals, got) {
			t.Errorf("%q: %q", password, got)
		}
		if _, listed := slices.BinarySearch(common(), confusable.Skeleton(password)); listed && got != TooCommon {
			t.Errorf("%q is listed, but Check returned %q", password, got)
		}
	})
}
