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

// A Refusal says why a password may not be set, by its code in the contract.
// Empty means that it may.
type Refusal string

// The refusals, in the order in which they are looked for.
const (
	TooCommon        Refusal = "password_too_common"
	ContainsIdentity Refusal = "password_contains_identity"
	Breached         Refusal = "password_breached"
)

// Refusals are all of them.
var Refusals = []Refusal{TooCommon, ContainsIdentity, Breached}

// A Policy decides which new passwords are refused although they are as long and
// as mixed as the contract asks. What it looks for is what is tried first by
// somebody who guesses: at a login, or with a stolen database.
//
// It is asked when a password is set and never at a login, so that nobody is
// locked out by a longer list.
type Policy struct {
	// Service are the names of the service, as people know it.
	Service []string
	// Breaches knows passwords from other services' databases; nil asks nobody.
	Breaches *Breaches
}

// An Owner is whose password it will be, as far as it is known.
type Owner struct{ Username, Email string }

// Check says whether a password may be set. It costs well under a millisecond,
// but for what Breaches takes.
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

// The bounds of context words, in characters. A name of two letters is in half
// of all passwords, and a name of three is too short to be looked for in parts.
const (
	minWord = 3
	minPart = 4
	// What must be left of a password without them. It is then a password by
	// itself, so that somebody named star may think of starfish.
	minRemainder = 8
)

// words are the skeletons of what is known about the owner to anybody who would
// guess, longest first: whole names, their parts, and all of it backwards.
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

// isBuiltOn reports whether too little is left of a password without the words.
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
