package password

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/techtreks/auth/internal/confusable"
)

// commonList is one password a line, the list that Django ships; see
// scripts/common-passwords.sh. Its licence is common-passwords.LICENSE.
//
//go:embed common-passwords.txt.gz
var commonList []byte

// common is the list in the form that is compared, in order. It is read when
// the first password is set and costs about half a megabyte from then on.
var common = sync.OnceValue(func() []string {
	unzipped, err := gzip.NewReader(bytes.NewReader(commonList))
	if err != nil {
		panic(err) // it is part of the program, and a test has read it
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		panic(err)
	}
	list := strings.Split(strings.TrimSpace(confusable.Skeleton(string(text))), "\n")
	slices.Sort(list)
	return slices.Clip(slices.Compact(list))
})

// The bounds of what is looked for, in characters.
const (
	minCore   = 4  // of a word that is common whatever stands around it
	maxListed = 33 // of the longest entry in the list
	minRun    = 8  // of a row of keys or letters
	minUnit   = 5  // of what makes a password when it is repeated
)

// runs are what fingers do when asked for a long password. Backwards, too.
var runs = bothWays(
	"abcdefghijklmnopqrstuvwxyz", "01234567890",
	"qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
)

func bothWays(list ...string) []string {
	for _, s := range list {
		list = append(list, reversed(s))
	}
	return list
}

// isCommon reports whether a password is among the first that anybody would
// try: one of the list, in any case and with the usual substitutions; such a
// word with digits and signs before or behind it, as rules of composition make
// people write them; a word or a few characters over and over; a row of keys.
func isCommon(password string) bool {
	lower := []rune(strings.ToLower(password))
	skeleton := []rune(confusable.Skeleton(password))
	isSign := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	isNoLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	_, letters := core(lower, isNoLetter)
	for _, ignored := range []func(rune) bool{nil, isSign, isNoLetter} {
		begin, end := core(lower, ignored)
		part := skeleton[begin:end]
		if isListed(part) || isRun(lower[begin:end]) {
			return true
		}
		unit := period(part)
		if 2*unit <= len(part) && unit < minUnit || unit < len(part) && isListed(part[:unit]) {
			return true
		}
		// What looks like decoration may be the end of the word: Welc0m3123!
		for end := letters; end <= len(skeleton) && end-begin <= maxListed; end++ {
			if end-begin >= minCore && isListed(skeleton[begin:end]) {
				return true
			}
		}
	}
	return false
}

// core is what is left of a password without what is to be ignored at its ends,
// or all of it, where less than a word would be left.
func core(lower []rune, ignored func(rune) bool) (begin, end int) {
	begin, end = 0, len(lower)
	if ignored == nil {
		return begin, end
	}
	for begin < end && ignored(lower[begin]) {
		begin++
	}
	for begin < end && ignored(lower[end-1]) {
		end--
	}
	if end-begin < minCore {
		return 0, len(lower)
	}
	return begin, end
}

func isListed(skeleton []rune) bool {
	if len(skeleton) > maxListed {
		return false
	}
	_, found := slices.BinarySearch(common(), string(skeleton))
	return found
}

func isRun(lower []rune) bool {
	s := string(lower)
	return len(lower) >= minRun && slices.ContainsFunc(runs, func(run string) bool { return strings.Contains(run, s) })
}

// period is the length of the shortest beginning that makes the whole when it
// is repeated, the last time perhaps in part: 3 for abcabcab. (The failure
// function of Knuth, Morris and Pratt: a period is the length less a border.)
func period(s []rune) int {
	border := make([]int, len(s)+1)
	k := 0
	for i := 1; i < len(s); i++ {
		for k > 0 && s[i] != s[k] {
			k = border[k]
		}
		if s[i] == s[k] {
			k++
		}
		border[i+1] = k
	}
	return len(s) - k
}

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}
