package email

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/fuzztest"
)

// pattern is what the contract says about an address: the grammar of Parse as far as
// a regular expression can express it, written so that it means the same in RE2 and in
// ECMA-262 with no flag, with u and with v. It must let through everything that Parse
// accepts; lengths, hyphens in the third and fourth place, punycode and the rules of
// IDNA are left to Parse.
//
//   - local part: atoms of RFC 5322 separated by single dots;
//   - domain: labels of letters, digits, hyphens inside, and anything beyond ASCII
//     (written as "none of the other ASCII characters", because the two dialects have no
//     common way to name a range up to the last code point);
//   - the last label does not begin with a digit.
const pattern = "^[A-Za-z0-9!#$%&'*+\\/=?^_`\\{\\|\\}~\\-]+(\\.[A-Za-z0-9!#$%&'*+\\/=?^_`\\{\\|\\}~\\-]+)*" +
	"@([^\\x00-\\/:-@\\[-`\\{-\\x7F]([^\\x00-,\\.\\/:-@\\[-`\\{-\\x7F]*[^\\x00-\\/:-@\\[-`\\{-\\x7F])?\\.)+" +
	"[^\\x00-@\\[-`\\{-\\x7F]([^\\x00-,\\.\\/:-@\\[-`\\{-\\x7F]*[^\\x00-\\/:-@\\[-`\\{-\\x7F])?$"

var matchesPattern = regexp.MustCompile(pattern).MatchString

func TestParseAccepts(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, tc := range map[string]struct{ in, key string }{
		"Plain":               {"alice@example.com", "alice@example.com"},
		"CaseIsFolded":        {"Alice.Smith@Example.COM", "alice.smith@example.com"},
		"PlusTagIsKept":       {"bob+news@example.com", "bob+news@example.com"},
		"DotsAreKept":         {"b.o.b@gmail.com", "b.o.b@gmail.com"},
		"EveryAtomCharacter":  {"!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"},
		"OneLetterEach":       {"a@b.c", "a@b.c"},
		"Digits":              {"1@2.example", "1@2.example"},
		"DigitInTopLevel":     {"a@example.c1", "a@example.c1"},
		"HyphenInside":        {"a@my-host.example", "a@my-host.example"},
		"ManyLabels":          {"a@a.b.c.d.e.f.example", "a@a.b.c.d.e.f.example"},
		"LongestLocal":        {strings.Repeat("l", 64) + "@example.com", strings.Repeat("l", 64) + "@example.com"},
		"LongestLabel":        {"a@" + long + ".com", "a@" + long + ".com"},
		"Longest":             {strings.Repeat("l", 58) + "@" + long + "." + long + "." + long + ".com", strings.Repeat("l", 58) + "@" + long + "." + long + "." + long + ".com"},
		"IDN":                 {"a@bücher.example", "a@xn--bcher-kva.example"},
		"IDNUpperCase":        {"a@BÜCHER.example", "a@xn--bcher-kva.example"},
		"IDNInPunycode":       {"a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		"IDNInUpperPunycode":  {"a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"},
		"IDNMixedForms":       {"a@bücher.xn--p1ai", "a@xn--bcher-kva.xn--p1ai"},
		"IDNTopLevel":         {"a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"},
		"IDNRightToLeft":      {"a@דוגמה.example", "a@xn--6dbbec0c.example"},
		"IDNChinese":          {"a@例子.example", "a@xn--fsqu00a.example"},
		"IDNSharpS":           {"a@straße.example", "a@xn--strae-oqa.example"},
		"IDNBeyondPlaneZero":  {"a@𠀀.example", "a@xn--j50i.example"},
		"PercentIsAnAtomChar": {"a%b@example.com", "a%b@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if err != nil || got.Key != tc.key || got.Display != tc.in {
				t.Errorf("got %+v, %v", got, err)
			}
			if !matchesPattern(tc.in) {
				t.Error("the contract's pattern refuses it")
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, tc := range map[string]struct {
		in      string
		pattern bool // the pattern cannot see why
	}{
		"Empty":                  {"", false},
		"NoAt":                   {"alice.example.com", false},
		"NoLocal":                {"@example.com", false},
		"NoDomain":               {"alice@", false},
		"TwoAts":                 {"a@b@example.com", false},
		"OneLabel":               {"a@localhost", false},
		"ListWithComma":          {"a@example.com,b@example.com", false},
		"ListWithSemicolon":      {"a@example.com;b@example.com", false},
		"ListWithSpace":          {"a@example.com b@example.com", false},
		"DisplayName":            {`"N" <a@example.com>`, false},
		"AngleBrackets":          {"<a@example.com>", false},
		"Comment":                {"a(comment)@example.com", false},
		"CommentAfter":           {"a@example.com (comment)", false},
		"Group":                  {"g:a@example.com;", false},
		"Route":                  {"@relay.example:a@example.com", false},
		"MailtoURL":              {"mailto:a@example.com", false},
		"QuotedLocal":            {`"a b"@example.com`, false},
		"QuotedAt":               {`"a@b"@example.com`, false},
		"QuotedPlain":            {`"a"@example.com`, false},
		"Backslash":              {`a\@example.com`, false},
		"IPLiteral":              {"a@[127.0.0.1]", false},
		"IPv6Literal":            {"a@[IPv6:::1]", false},
		"IPAddress":              {"a@127.0.0.1", false},
		"IPAddressInHexadecimal": {"a@127.0.0.0x1", false},
		"TopLevelOfDigits":       {"a@example.123", false},
		"TopLevelDigitInIDN":     {"a@example.1ü", false},
		"LeadingSpace":           {" a@example.com", false},
		"TrailingSpace":          {"a@example.com ", false},
		"NoBreakSpace":           {"a@example.com\u00a0", true},
		"Tab":                    {"a\t@example.com", false},
		"TrailingNewline":        {"a@example.com\n", false},
		"HeaderInjection":        {"a@example.com\r\nBcc: b@example.com", false},
		"NewlineInLocal":         {"a\r\n@example.com", false},
		"NUL":                    {"a\x00@example.com", false},
		"NULInDomain":            {"a@exam\x00ple.com", false},
		"DEL":                    {"a\x7f@example.com", false},
		"FullWidthAt":            {"a\uff20example.com", false},
		"FullWidthAtAndReal":     {"a\uff20b@example.com", false},
		"SmallAt":                {"a@b\ufe6bexample.com", true},
		"UnicodeLocal":           {"ålice@example.com", false},
		"DotlessI":               {"m\u0131ke@example.com", false},
		"KelvinInLocal":          {"\u212aim@example.com", false},
		"LeadingDot":             {".a@example.com", false},
		"TrailingDotInLocal":     {"a.@example.com", false},
		"DoubleDotInLocal":       {"a..b@example.com", false},
		"DomainLeadingDot":       {"a@.example.com", false},
		"DomainTrailingDot":      {"a@example.com.", false},
		"DomainDoubleDot":        {"a@example..com", false},
		"LeadingHyphen":          {"a@-example.com", false},
		"TrailingHyphen":         {"a@example-.com", false},
		"TopLevelHyphen":         {"a@example.-com", false},
		"ReservedHyphens":        {"a@ab--cd.com", true},
		"Underscore":             {"a@ex_ample.com", false},
		"Port":                   {"a@example.com:25", false},
		"Path":                   {"a@example.com/x", false},
		"Wildcard":               {"a@*.example.com", false},
		"PunycodeOfASCII":        {"a@xn--example-.com", false},
		"PunycodeOfASCIIInside":  {"a@xn--a.com", true},
		"PunycodeBroken":         {"a@xn--99999999.com", true},
		"PunycodeEmpty":          {"a@xn--.com", false},
		"PunycodeOfUpperCase":    {"a@xn--GPHER-1oa.com", true},
		"PunycodeOfFullWidth":    {"a@xn--b-yq0i.com", true},
		"FullWidthLetters":       {"a@ｅｘａｍｐｌｅ.com", true},
		"IdeographicFullStop":    {"a@example。com", false},
		"FullWidthFullStop":      {"a@example．com", false},
		"IdeographicStopInside":  {"a@a。b.com", true},
		"Ligature":               {"a@ﬁne.com", true},
		"KelvinInDomain":         {"a@\u212aim.example", true},
		"AngstromInDomain":       {"a@\u212bngstrom.example", true},
		"DottedCapitalI":         {"a@\u0130stanbul.example", true},
		"Decomposed":             {"a@bu\u0308cher.example", true},
		"SoftHyphen":             {"a@exam\u00adple.com", true},
		"ZeroWidthSpace":         {"a@exam\u200bple.com", true},
		"ZeroWidthJoiner":        {"a@exam\u200dple.com", true},
		"RightToLeftOverride":    {"a@exam\u202eple.com", true},
		"MixedDirection":         {"a@דaוגמה.example", true},
		"Emoji":                  {"a@\U0001F980\uFE0F.example", true},
		"InvalidUTF8Domain":      {"a@exam\xffple.com", true},
		"InvalidUTF8Local":       {"\xff@example.com", false},
		"LocalTooLong":           {strings.Repeat("l", 65) + "@example.com", true},
		"LabelTooLong":           {"a@" + label + "a.com", true},
		"TooLong":                {strings.Repeat("l", 59) + "@" + label + "." + label + "." + label + ".com", true},
		"TooLongInPunycode":      {strings.Repeat("l", 64) + "@" + strings.Repeat("üaü.", 30) + "com", true},
		"LabelTooLongInPunycode": {"a@" + strings.Repeat("aü", 30) + ".com", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if !errors.Is(err, ErrInvalid) || got != (Address{}) {
				t.Errorf("got %+v, %v", got, err)
			}
			if err != nil && tc.in != "" && strings.Contains(err.Error(), tc.in) {
				t.Error("the error quotes the input")
			}
			if got := matchesPattern(tc.in); got != tc.pattern {
				t.Errorf("pattern: got %v", got)
			}
		})
	}
}

// A parser that looks at the whole of a long input is a way to keep the server busy;
// that nothing is allocated shows that ours looks at its length alone.
func TestParseRefusesLongInputWithoutReadingIt(t *testing.T) {
	for name, in := range map[string]string{
		"64KiB":       strings.Repeat("a", 64<<10) + "@example.com",
		"10000Labels": "a@" + strings.Repeat("ü.", 10_000) + "com",
		"10000Dots":   strings.Repeat("a.", 10_000) + "a@example.com",
		"64KiBOfAts":  strings.Repeat("@", 64<<10),
		"LongPuny":    "a@xn--" + strings.Repeat("9", 64<<10) + ".com",
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

func TestMailbox(t *testing.T) {
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
			t.Errorf("%q shown as %q", in, a.Display)
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
				t.Errorf("the contract's pattern refuses %q", s)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, in := range map[string]string{"ASCII": "Alice.Smith@Example.COM", "IDN": "a@BÜCHER.example"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
