// Package confusable compares strings that people read as the same word, such as
// P4$$w0rd and password, or Adm1n and admin.
package confusable

import (
	"strings"
	"unicode"
)

// Skeleton returns s in lower case with the usual substitutions undone, so that all
// spellings of a word have the same skeleton. Characters that stand for more than one
// letter become one of them: 1, !, | and l all become i. So skeletons are for
// comparison and not for display. Skeleton replaces each character by one character,
// so positions in s and in the result correspond.
func Skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); r {
		case '0':
			return 'o'
		case '1', '!', '|', 'l':
			return 'i'
		case '3', '€':
			return 'e'
		case '4', '@':
			return 'a'
		case '5', '$':
			return 's'
		case '7', '+':
			return 't'
		case '8':
			return 'b'
		case '9':
			return 'g'
		}
		return r
	}, s)
}
