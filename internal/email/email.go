// Package email parses email addresses and defines when two addresses are equal.
//
// The grammar is deliberately narrower than the standards. Attackers have used
// lenient address parsers to get mails about another user's account. They used lists
// ("a@x,b@y"), display names, comments, and quoted local parts with a line break or a
// second @. A full-width @ works too if a later step converts it into a real one.
// [Parse] accepts what people use: a dot-separated ASCII local part and a domain name.
// It rejects everything else and repairs nothing.
//
// The domain may be internationalised. Domains are compared in their ASCII form
// (punycode). Apart from upper case, the user must type the form that IDNA returns.
// IDNA silently maps full-width letters, ligatures and look-alike dots to other
// characters. Parse rejects those, so that addresses that look different are
// different.
//
// An [Address] has two forms. Display is the address as the user typed it, for
// storage and display. Key is the address in ASCII lower case, for lookups and
// uniqueness. In practice no mail system distinguishes Bob@ from bob@, and an
// attacker could use two such accounts to confuse people. Nothing else is folded:
// dots and +tags are part of the address, even if one large provider ignores them.
package email

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The limits of SMTP (RFC 5321), in bytes. MaxLength applies to the typed address
// and to its key.
const (
	MaxLength      = 254
	MaxLocalLength = 64
)

// ErrInvalid is the only error of [Parse]. It never contains the input.
var ErrInvalid = errors.New("email: not a valid address")

// Address is an email address that [Parse] accepted.
type Address struct {
	// Display is the address as the user typed it.
	Display string
	// Key is the canonical form: ASCII, lower case, the domain in punycode. Two
	// addresses are equal if their keys are equal.
	Key string
}

// Mailbox returns the address for use in SMTP: the local part as typed, because only
// the receiving server may interpret its case, and the domain in ASCII.
func (a Address) Mailbox() string {
	local, _, _ := strings.Cut(a.Display, "@")
	_, domain, _ := strings.Cut(a.Key, "@")
	return local + "@" + domain
}

// Parse parses a single address. Nothing may surround the address, not even a space.
func Parse(s string) (Address, error) {
	// This check is first, so that 64 KiB of dots cost nothing. Parsers of addresses
	// and of internationalised names have repeatedly been slow on long input.
	if len(s) > MaxLength {
		return Address{}, ErrInvalid
	}
	local, domain, found := strings.Cut(s, "@")
	if !found || !validLocal(local) {
		return Address{}, ErrInvalid
	}
	ascii, ok := canonicalDomain(domain) // rejects a second @
	if !ok {
		return Address{}, ErrInvalid
	}
	key := strings.ToLower(local) + "@" + ascii
	if len(key) > MaxLength {
		return Address{}, ErrInvalid
	}
	return Address{Display: s, Key: key}, nil
}

// validLocal accepts an ASCII dot-atom of RFC 5322. Without quoted strings, a local
// part cannot contain a space, a line break or a second address.
func validLocal(s string) bool {
	if len(s) > MaxLocalLength {
		return false
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false // empty, or a dot at an end or after another dot
		}
		for i := range len(atom) {
			if !isAtomText(atom[i]) {
				return false
			}
		}
	}
	return true
}

func isAtomText(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+/=?^_`{|}~-", c) >= 0
}

// profile is the IDNA lookup profile with all checks. It maps upper case to lower
// case; canonicalDomain rejects names that it changes in any other way.
var profile = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.BidiRule(),
	idna.CheckHyphens(true),
	idna.CheckJoiners(true),
	idna.StrictDomainName(true),
	idna.VerifyDNSLength(true),
)

// canonicalDomain returns the lower-case ASCII form of a domain name of two labels
// or more.
func canonicalDomain(typed string) (ascii string, ok bool) {
	lower, ok := toLower(typed)
	if !ok {
		return "", false
	}
	ascii, err := profile.ToASCII(lower)
	if err != nil {
		return "", false
	}
	// Decoding detects invalid punycode: labels that decode to plain ASCII (a lenient
	// decoder reads "xn--example-" as "example") or to characters that IDNA forbids.
	readable, err := profile.ToUnicode(ascii)
	if err != nil {
		return "", false
	}
	given, coded, decoded := strings.Split(lower, "."), strings.Split(ascii, "."), strings.Split(readable, ".")
	if len(given) < 2 || len(given) != len(coded) || len(given) != len(decoded) {
		return "", false // a single label, or a look-alike of a dot
	}
	for i, label := range given {
		if label == "" || label != coded[i] && label != decoded[i] {
			return "", false // IDNA changed more than upper case
		}
	}
	// No top-level domain begins with a digit, but the last label of every form of an
	// IP address does: 127.0.0.1 and 127.0.0.0x1.
	if top := decoded[len(decoded)-1]; top[0] >= '0' && top[0] <= '9' {
		return "", false
	}
	return ascii, true
}

// toLower converts to lower case, letter by letter. It rejects letters for which this
// is irreversible, such as the Kelvin sign with the ordinary k as its lower case:
// "\u212Aim.example" would otherwise become kim.example.
func toLower(s string) (string, bool) {
	if !utf8.ValidString(s) {
		return "", false
	}
	irreversible := false
	lower := strings.Map(func(r rune) rune {
		l := unicode.ToLower(r)
		if l != r && unicode.ToUpper(l) != r {
			irreversible = true
		}
		return l
	}, s)
	return lower, !irreversible
}
