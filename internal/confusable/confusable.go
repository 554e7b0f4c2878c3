// Package confusable tells strings that people read as the same word: P4$$w0rd
// and password, Adm1n and admin.
package confusable

import (
	"strings"
	"unicode"
)

// Skeleton is what all spellings of a word have in common: lower case, with the
// usual substitutions undone. Digits and signs that stand for more than one
// letter go to one of them, and so does that letter's other: 1, !, | and l all
// become i, so Skeleton serves to compare and not to read. It maps character by
// character: the nth of s is the nth of the result.
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
