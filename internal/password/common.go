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

// commonList is Django's list of common passwords, one per line; see
// scripts/common-passwords.sh. Its licence is common-passwords.LICENSE.
//
//go:embed common-passwords.txt.gz
var commonList []byte

// common returns the sorted skeletons of the list. The first call reads the list,
// which then takes about half a megabyte of memory.
var common = sync.OnceValue(func() []string {
	unzipped, err := gzip.NewReader(bytes.NewReader(commonList))
	if err != nil {
		panic(err) // the list is part of the program, and a test reads it
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		panic(err)
	}
	list := strings.Split(strings.TrimSpace(confusable.Skeleton(string(text))), "\n")
	slices.Sort(list)
	return slices.Clip(slices.Compact(list))
})

// Lengths in characters.
const (
	minCore   = 4  // shortest common word that is searched for inside a decorated password
	maxListed = 33 // longest entry in the list
	minRun    = 8  // shortest sequence of keys or letters
	minUnit   = 5  // shortest acceptable unit of a repetitive password
)

// runs are sequences on the keyboard and in the alphabet, forwards and backwards.
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

// isCommon reports whether an attacker would try a password early. It is common if
// it is one of these:
//   - an entry of the list, in any case and with the usual substitutions
//   - such an entry with digits and signs before or after it, which people add to
//     satisfy composition rules
//   - a repetition of an entry or of a few characters
//   - a sequence of keys or letters
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
		// Digits that look like decoration may belong to the word: Welc0m3123!
		for end := letters; end <= len(skeleton) && end-begin <= maxListed; end++ {
			if end-begin >= minCore && isListed(skeleton[begin:end]) {
				return true
			}
		}
	}
	return false
}

// core returns the range of a password without the ignored characters at both
// ends. It returns the whole password if fewer than minCore characters would
// remain.
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

// period returns the length of the shortest prefix that gives s when repeated, the
// last repetition possibly incomplete: 3 for abcabcab. It uses the failure function
// of Knuth, Morris and Pratt: the period is the length minus the longest border.
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
