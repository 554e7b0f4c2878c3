package password

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/techtreks/auth/internal/confusable"
)

// A Refusal is the reason why a password is refused, as its code in the contract.
// The empty Refusal means that the password is accepted.
type Refusal string

// The refusals, in the order of the checks.
const (
	TooCommon        Refusal = "password_too_common"
	ContainsIdentity Refusal = "password_contains_identity"
	Breached         Refusal = "password_breached"
)

// Refusals lists all refusals.
var Refusals = []Refusal{TooCommon, ContainsIdentity, Breached}

// A Policy refuses new passwords that fit the length and composition rules of the
// contract, but that an attacker would try first: at a login or against a stolen
// database.
//
// It applies when a password is set and never at a login, so that a longer list
// locks no user out.
type Policy struct {
	// Service lists the names of the service that users know.
	Service []string
	// Breaches, if set, looks passwords up in a corpus of breached passwords.
	Breaches *Breaches
}

// An Owner is the user that the password is for. Unknown fields are empty.
type Owner struct{ Username, Email string }

// Check returns the reason to refuse a password, or the empty Refusal. Without the
// lookup in Breaches it takes well under a millisecond.
func (p *Policy) Check(ctx context.Context, password string, owner Owner) Refusal {
	switch {
	case isCommon(password):
		return TooCommon
	case isBuiltOn(password, p.words(owner)):
		return ContainsIdentity
	case p.Breaches != nil && p.Breaches.Has(ctx, password):
		return Breached
	}
	return ""
}

// Lengths in characters. A name of two letters would match too many passwords. A
// name of three letters is searched for only as a whole.
const (
	minWord = 3 // shortest name that is searched for
	minPart = 4 // shortest part of a name that is searched for
	// minRemainder is the required length of a password without these words. Such
	// a remainder is a password by itself, so the user "star" may use "starfish"
	// in a longer one.
	minRemainder = 8
)

// words returns the skeletons of the words that an attacker can know about the
// owner, longest first: whole names and their parts, forwards and backwards.
func (p *Policy) words(owner Owner) []string {
	local, _, _ := strings.Cut(owner.Email, "@")
	var words []string
	add := func(word string, least int) {
		if word = confusable.Skeleton(word); utf8.RuneCountInString(word) >= least {
			words = append(words, word, reversed(word))
		}
	}
	for _, name := range append([]string{owner.Username, local, owner.Email}, p.Service...) {
		parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		add(name, minWord)
		add(strings.Join(parts, ""), minWord)
		for _, part := range parts {
			add(part, minPart)
		}
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return slices.Compact(words)
}

// isBuiltOn reports whether a password contains any of the words and the rest is
// too short or common.
func isBuiltOn(password string, words []string) bool {
	rest, skeleton := []rune(password), []rune(confusable.Skeleton(password))
	found := false
	for _, word := range words {
		w := []rune(word)
		for i := 0; i+len(w) <= len(skeleton); {
			if !slices.Equal(skeleton[i:i+len(w)], w) {
				i++
				continue
			}
			found = true
			rest, skeleton = slices.Delete(rest, i, i+len(w)), slices.Delete(skeleton, i, i+len(w))
		}
	}
	return found && (len(rest) < minRemainder || isCommon(string(rest)))
}
