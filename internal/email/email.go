// Package email decides what an e-mail address is and when two of them are the
// same.
//
// The grammar is narrower than the standards, on purpose. Every generous parser of
// addresses has been used to have a mail about one person's account delivered to
// another: lists ("a@x,b@y"), display names, comments, quoted local parts with a line
// break or a second @ in them, a full-width @ that some later step turns into a real
// one. What people have is a dot-separated ASCII local part and a domain name; that is
// what [Parse] takes, and everything else is refused, not repaired.
//
// The domain may be internationalised. It is compared in its ASCII form (punycode),
// and apart from upper case it must be typed in the form that IDNA gives back:
// full-width letters, ligatures and look-alike dots, which IDNA would quietly map to
// others, are refused, so two addresses that look different are different.
//
// An [Address] has two forms. Display is what the person typed, shown to them and
// kept. Key is what makes an account unique and is looked up: the whole address in
// ASCII lower case. Mail systems that tell Bob@ from bob@ are not met in practice,
// while two accounts for the two would be a way to confuse people. Nothing more is
// folded: dots and +tags belong to the person, whatever one large provider does with
// them.
package email

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The limits of SMTP (RFC 5321), in bytes. MaxLength holds for the address as typed
// and for its key.
const (
	MaxLength      = 254
	MaxLocalLength = 64
)

// ErrInvalid is the only error of [Parse]. It never contains the input.
var ErrInvalid = errors.New("email: not a valid address")

// Address is an e-mail address that [Parse] accepted.
type Address struct {
	// Display is the address as it was typed.
	Display string
	// Key is the canonical form: ASCII, lower case, the domain in punycode. Equal keys
	// are the same address.
	Key string
}

// Mailbox is the address to put on the wire to a mail server: the local part as it
// was typed (its case is the receiver's business) and the domain in ASCII.
func (a Address) Mailbox() string {
	local, _, _ := strings.Cut(a.Display, "@")
	_, domain, _ := strings.Cut(a.Key, "@")
	return local + "@" + domain
}

// Parse reads one bare address and nothing around it, not even a space.
func Parse(s string) (Address, error) {
	// First of all, so that 64 KiB of dots cost nothing: parsers of addresses and of
	// international names have been slow on long input more than once.
	if len(s) > MaxLength {
		return Address{}, ErrInvalid
	}
	local, domain, found := strings.Cut(s, "@")
	if !found || !validLocal(local) {
		return Address{}, ErrInvalid
	}
	ascii, ok := canonicalDomain(domain) // refuses a second @
	if !ok {
		return Address{}, ErrInvalid
	}
	key := strings.ToLower(local) + "@" + ascii
	if len(key) > MaxLength {
		return Address{}, ErrInvalid
	}
	return Address{Display: s, Key: key}, nil
}

// validLocal takes the dot-atom of RFC 5322 in ASCII. No quoting means no place to
// hide a space, a line break or a second address in.
func validLocal(s string) bool {
	if len(s) > MaxLocalLength {
		return false
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false // empty, or a dot at an end or beside another
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

// profile is IDNA as for a lookup, with every check that it offers. Mapping is on only
// for upper case; canonicalDomain refuses what else it changed.
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
	// The way back catches punycode that hides something: labels that decode to plain
	// ASCII ("xn--example-" is "example" to a lenient reader) or to what IDNA forbids.
	readable, err := profile.ToUnicode(ascii)
	if err != nil {
		return "", false
	}
	given, coded, decoded := strings.Split(lower, "."), strings.Split(ascii, "."), strings.Split(readable, ".")
	if len(given) < 2 || len(given) != len(coded) || len(given) != len(decoded) {
		return "", false // one label, or a dot that is not a full stop
	}
	for i, label := range given {
		if label == "" || label != coded[i] && label != decoded[i] {
			return "", false // IDNA changed more than the case
		}
	}
	// No top-level domain begins with a digit, and forms of IP addresses end in a label
	// that does: 127.0.0.1, but also 127.0.0.0x1.
	if top := decoded[len(decoded)-1]; top[0] >= '0' && top[0] <= '9' {
		return "", false
	}
	return ascii, true
}

// toLower lower-cases letter by letter where that can be undone. It refuses letters
// that only fold into others, such as the Kelvin sign, whose lower case is an
// ordinary k: with those, "\u212Aim.example" would become the address of Kim.
func toLower(s string) (string, bool) {
	if !utf8.ValidString(s) {
		return "", false
	}
	folds := false
	lower := strings.Map(func(r rune) rune {
		l := unicode.ToLower(r)
		if l != r && unicode.ToUpper(l) != r {
			folds = true
		}
		return l
	}, s)
	return lower, !folds
}
