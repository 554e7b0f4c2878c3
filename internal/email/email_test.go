package email

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/fuzztest"
)

// pattern is the pattern for addresses in the contract: the grammar of Parse as far as
// a regular expression can express it. It has the same meaning in RE2 and in ECMA-262
// without flags, with u and with v. It must match everything that Parse accepts. Only
// Parse checks lengths, hyphens in the third and fourth place, punycode and the rules
// of IDNA.
//
//   - local part: atoms of RFC 5322, separated by single dots;
//   - domain: labels of letters, digits, inner hyphens and non-ASCII characters. The
//     pattern excludes all other ASCII characters, because the two dialects have no
//     common syntax for a range up to the last code point;
//   - the last label does not begin with a digit.
const pattern = "^[A-Za-z0-9!#$%&'*+\\/=?^_`\\{\\|\\}~\\-]+(\\.[A-Za-z0-9!#$%&'*+\\/=?^_`\\{\\|\\}~\\-]+)*" +
	"@([^\\x00-\\/:-@\\[-`\\{-\\x7F]([^\\x00-,\\.\\/:-@\\[-`\\{-\\x7F]*[^\\x00-\\/:-@\\[-`\\{-\\x7F])?\\.)+" +
	"[^\\x00-@\\[-`\\{-\\x7F]([^\\x00-,\\.\\/:-@\\[-`\\{-\\x7F]*[^\\x00-\\/:-@\\[-`\\{-\\x7F])?$"

var matchesPattern = regexp.MustCompile(pattern).MatchString

func TestParse_AcceptsAndReturnsKey(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, tc := range map[string]struct{ in, key string }{
		"plain":                   {"alice@example.com", "alice@example.com"},
		"case is folded":          {"Alice.Smith@Example.COM", "alice.smith@example.com"},
		"plus tag is kept":        {"bob+news@example.com", "bob+news@example.com"},
		"dots are kept":           {"b.o.b@gmail.com", "b.o.b@gmail.com"},
		"every atom character":    {"!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"},
		"one letter each":         {"a@b.c", "a@b.c"},
		"digits":                  {"1@2.example", "1@2.example"},
		"digit in top level":      {"a@example.c1", "a@example.c1"},
		"hyphen inside":           {"a@my-host.example", "a@my-host.example"},
		"many labels":             {"a@a.b.c.d.e.f.example", "a@a.b.c.d.e.f.example"},
		"longest local":           {strings.Repeat("l", 64) + "@example.com", strings.Repeat("l", 64) + "@example.com"},
		"longest label":           {"a@" + long + ".com", "a@" + long + ".com"},
		"longest":                 {strings.Repeat("l", 58) + "@" + long + "." + long + "." + long + ".com", strings.Repeat("l", 58) + "@" + long + "." + long + "." + long + ".com"},
		"idn":                     {"a@bücher.example", "a@xn--bcher-kva.example"},
		"idn upper case":          {"a@BÜCHER.example", "a@xn--bcher-kva.example"},
		"idn in punycode":         {"a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		"idn in upper punycode":   {"a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"},
		"idn mixed forms":         {"a@bücher.xn--p1ai", "a@xn--bcher-kva.xn--p1ai"},
		"idn top level":           {"a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"},
		"idn right to left":       {"a@דוגמה.example", "a@xn--6dbbec0c.example"},
		"idn chinese":             {"a@例子.example", "a@xn--fsqu00a.example"},
		"idn sharp s":             {"a@straße.example", "a@xn--strae-oqa.example"},
		"idn beyond plane zero":   {"a@𠀀.example", "a@xn--j50i.example"},
		"percent is an atom char": {"a%b@example.com", "a%b@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if err != nil || got.Key != tc.key || got.Display != tc.in {
				t.Errorf("got %+v, %v", got, err)
			}
			if !matchesPattern(tc.in) {
				t.Error("the contract's pattern does not match")
			}
		})
	}
}

func TestParse_Rejects(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, tc := range map[string]struct {
		in      string
		pattern bool // whether the pattern matches anyway
	}{
		"empty":                      {"", false},
		"no at":                      {"alice.example.com", false},
		"no local":                   {"@example.com", false},
		"no domain":                  {"alice@", false},
		"two ats":                    {"a@b@example.com", false},
		"one label":                  {"a@localhost", false},
		"list with comma":            {"a@example.com,b@example.com", false},
		"list with semicolon":        {"a@example.com;b@example.com", false},
		"list with space":            {"a@example.com b@example.com", false},
		"display name":               {`"N" <a@example.com>`, false},
		"angle brackets":             {"<a@example.com>", false},
		"comment":                    {"a(comment)@example.com", false},
		"comment after":              {"a@example.com (comment)", false},
		"group":                      {"g:a@example.com;", false},
		"route":                      {"@relay.example:a@example.com", false},
		"mailto url":                 {"mailto:a@example.com", false},
		"quoted local":               {`"a b"@example.com`, false},
		"quoted at":                  {`"a@b"@example.com`, false},
		"quoted plain":               {`"a"@example.com`, false},
		"backslash":                  {`a\@example.com`, false},
		"ip literal":                 {"a@[127.0.0.1]", false},
		"ipv6 literal":               {"a@[IPv6:::1]", false},
		"ip address":                 {"a@127.0.0.1", false},
		"ip address in hexadecimal":  {"a@127.0.0.0x1", false},
		"top level of digits":        {"a@example.123", false},
		"top level digit in idn":     {"a@example.1ü", false},
		"leading space":              {" a@example.com", false},
		"trailing space":             {"a@example.com ", false},
		"no break space":             {"a@example.com\u00a0", true},
		"tab":                        {"a\t@example.com", false},
		"trailing newline":           {"a@example.com\n", false},
		"header injection":           {"a@example.com\r\nBcc: b@example.com", false},
		"newline in local":           {"a\r\n@example.com", false},
		"nul":                        {"a\x00@example.com", false},
		"nul in domain":              {"a@exam\x00ple.com", false},
		"del":                        {"a\x7f@example.com", false},
		"full width at":              {"a\uff20example.com", false},
		"full width at and real":     {"a\uff20b@example.com", false},
		"small at":                   {"a@b\ufe6bexample.com", true},
		"unicode local":              {"ålice@example.com", false},
		"dotless i":                  {"m\u0131ke@example.com", false},
		"kelvin in local":            {"\u212aim@example.com", false},
		"leading dot":                {".a@example.com", false},
		"trailing dot in local":      {"a.@example.com", false},
		"double dot in local":        {"a..b@example.com", false},
		"domain leading dot":         {"a@.example.com", false},
		"domain trailing dot":        {"a@example.com.", false},
		"domain double dot":          {"a@example..com", false},
		"leading hyphen":             {"a@-example.com", false},
		"trailing hyphen":            {"a@example-.com", false},
		"top level hyphen":           {"a@example.-com", false},
		"reserved hyphens":           {"a@ab--cd.com", true},
		"underscore":                 {"a@ex_ample.com", false},
		"port":                       {"a@example.com:25", false},
		"path":                       {"a@example.com/x", false},
		"wildcard":                   {"a@*.example.com", false},
		"punycode of ascii":          {"a@xn--example-.com", false},
		"punycode of ascii inside":   {"a@xn--a.com", true},
		"punycode broken":            {"a@xn--99999999.com", true},
		"punycode empty":             {"a@xn--.com", false},
		"punycode of upper case":     {"a@xn--GPHER-1oa.com", true},
		"punycode of full width":     {"a@xn--b-yq0i.com", true},
		"full width letters":         {"a@ｅｘａｍｐｌｅ.com", true},
		"ideographic full stop":      {"a@example。com", false},
		"full width full stop":       {"a@example．com", false},
		"ideographic stop inside":    {"a@a。b.com", true},
		"ligature":                   {"a@ﬁne.com", true},
		"kelvin in domain":           {"a@\u212aim.example", true},
		"angstrom in domain":         {"a@\u212bngstrom.example", true},
		"dotted capital i":           {"a@\u0130stanbul.example", true},
		"decomposed":                 {"a@bu\u0308cher.example", true},
		"soft hyphen":                {"a@exam\u00adple.com", true},
		"zero width space":           {"a@exam\u200bple.com", true},
		"zero width joiner":          {"a@exam\u200dple.com", true},
		"right to left override":     {"a@exam\u202eple.com", true},
		"mixed direction":            {"a@דaוגמה.example", true},
		"emoji":                      {"a@\U0001F980\uFE0F.example", true},
		"invalid utf8 domain":        {"a@exam\xffple.com", true},
		"invalid utf8 local":         {"\xff@example.com", false},
		"local too long":             {strings.Repeat("l", 65) + "@example.com", true},
		"label too long":             {"a@" + label + "a.com", true},
		"too long":                   {strings.Repeat("l", 59) + "@" + label + "." + label + "." + label + ".com", true},
		"too long in punycode":       {strings.Repeat("l", 64) + "@" + strings.Repeat("üaü.", 30) + "com", true},
		"label too long in punycode": {"a@" + strings.Repeat("aü", 30) + ".com", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if !errors.Is(err, ErrInvalid) || got != (Address{}) {
				t.Errorf("got %+v, %v", got, err)
			}
			if err != nil && tc.in != "" && strings.Contains(err.Error(), tc.in) {
				t.Error("the error contains the input")
			}
			if got := matchesPattern(tc.in); got != tc.pattern {
				t.Errorf("pattern: got %v", got)
			}
		})
	}
}

// A parser that reads all of a long input lets attackers keep the server busy. Without
// allocations, Parse has looked at the length only.
func TestParse_RejectsLongInputWithoutAllocating(t *testing.T) {
	for name, in := range map[string]string{
		"64 kib":        strings.Repeat("a", 64<<10) + "@example.com",
		"10000 labels":  "a@" + strings.Repeat("ü.", 10_000) + "com",
		"10000 dots":    strings.Repeat("a.", 10_000) + "a@example.com",
		"64 kib of ats": strings.Repeat("@", 64<<10),
		"long punycode": "a@xn--" + strings.Repeat("9", 64<<10) + ".com",
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(10, func() {
				if _, err := Parse(in); !errors.Is(err, ErrInvalid) {
					t.Errorf("got %v", err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestMailbox_KeepsCaseOfLocalPart(t *testing.T) {
	for in, want := range map[string]string{
		"Alice.Smith@Example.COM": "Alice.Smith@example.com",
		"Bob@BÜCHER.example":      "Bob@xn--bcher-kva.example",
	} {
		a, err := Parse(in)
		if err != nil || a.Mailbox() != want {
			t.Errorf("%s: got %s, %v", in, a.Mailbox(), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "alice@example.com", "Bob+x@BÜCHER.example", "a@xn--bcher-kva.example", "a@xn--example-.com",
		"a@пример.рф", `"N" <a@x.example>`, "a@b,c@d.example", "a\uff20b.example", "a@[::1]", "a@1.2.3.4",
		"a@דוגמה.example", "a@例子。example", "a@xn--ls8h.example", "a@\u1e9e.example", "a@σς.example", "a@ǅ.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		fuzztest.MustReturn(t)
		a, err := Parse(in)
		if err != nil {
			if a != (Address{}) || !errors.Is(err, ErrInvalid) {
				t.Errorf("%q: %+v, %v", in, a, err)
			}
			return
		}
		if a.Display != in {
			t.Errorf("%q has the display form %q", in, a.Display)
		}
		if len(a.Key) > MaxLength || strings.Count(a.Key, "@") != 1 {
			t.Errorf("%q: key %q", in, a.Key)
		}
		for i := range len(a.Key) {
			if c := a.Key[i]; c <= ' ' || c >= 0x7f || c >= 'A' && c <= 'Z' {
				t.Errorf("%q: key %q", in, a.Key)
			}
		}
		for _, again := range []string{a.Key, a.Mailbox()} {
			if b, err := Parse(again); err != nil || b.Key != a.Key {
				t.Errorf("%q: key %q, but from %q: %q, %v", in, a.Key, again, b.Key, err)
			}
		}
		for _, s := range []string{in, a.Key} {
			if !matchesPattern(s) {
				t.Errorf("the contract's pattern does not match %q", s)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, in := range map[string]string{"ascii": "Alice.Smith@Example.COM", "idn": "a@BÜCHER.example"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
