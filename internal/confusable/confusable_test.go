package confusable

import (
	"testing"
	"unicode/utf8"

	"github.com/techtreks/auth/internal/fuzztest"
)

func TestSkeleton_IsEqualForSpellingsOfOneWord(t *testing.T) {
	for word, spellings := range map[string][]string{
		"password": {"Password", "PASSWORD", "P4ssw0rd", "p@$$w0rd", "pa55w0rd", "P4$5WORD"},
		"football": {"f00tb4ll", "F0o+8a11", "footba!!", "foo7ba||"},
		"energie":  {"3n3rgi3", "€n€rgie", "ener9ie", "energ1e", "energle"},
	} {
		for _, s := range spellings {
			if Skeleton(s) != Skeleton(word) {
				t.Errorf("%s is %s, %s is %s", s, Skeleton(s), word, Skeleton(word))
			}
		}
	}
	for _, other := range []string{"passwords", "pass-word", "posswird", "p\u0430ssword"} {
		if Skeleton(other) == Skeleton("password") {
			t.Errorf("%q has the skeleton of password", other)
		}
	}
}

// Callers use positions in the skeleton as positions in the original.
func FuzzSkeleton_KeepsNumberOfCharacters(f *testing.F) {
	for _, s := range []string{"", "İstanbul", "\xff\xfe", "Straße", "Ⅷ", "K"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.MustReturn(t)
		got := Skeleton(s)
		if utf8.RuneCountInString(got) != utf8.RuneCountInString(s) {
			t.Errorf("%q became %q", s, got)
		}
		if again := Skeleton(got); again != got {
			t.Errorf("%q became %q, which became %q", s, got, again)
		}
	})
}
