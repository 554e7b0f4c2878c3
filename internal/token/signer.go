package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// Signer signs values that leave the server and come back.
type Signer struct {
	// Keys are the secrets, newest first: the first one signs, each one verifies. An
	// old key stays in the list until everything signed with it has expired.
	Keys [][]byte
}

// Sign returns value, a dot and the MAC of value under the newest key. A value
// signed for one purpose is refused for every other.
//
// It panics when there is no key, because an unsigned value must never go out.
func (s *Signer) Sign(purpose, value string) string {
	return value + "." + mac(s.newest(), "sign/", purpose, value)
}

// Verify returns the value that [Signer.Sign] was given, if signed is, byte for
// byte, what it returned for the same purpose under one of the keys.
func (s *Signer) Verify(purpose, signed string) (value string, ok bool) {
	// The MAC has no dot in it, the value may have.
	dot := strings.LastIndexByte(signed, '.')
	if dot < 0 {
		return "", false
	}
	value, got := signed[:dot], signed[dot+1:]
	for _, key := range s.Keys {
		if len(key) == 0 {
			continue // anyone can sign with an empty key
		}
		// The encoded strings are compared, not the bytes they decode to. Decoders
		// forgive: other trailing bits, line breaks, padding. Two strings that mean the
		// same would get past whatever remembers strings that were used or revoked.
		want := mac(key, "sign/", purpose, value)
		if subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 {
			return value, true
		}
	}
	return "", false
}

// Keyed returns 12 characters that stand for value in a log. The same value gives
// the same characters, so that twenty attempts on one account are seen to be on one
// account, while the name attempted (which may be a password typed into the wrong
// field) can neither be read nor found by trying names without the key. A new newest
// key gives new characters.
func (s *Signer) Keyed(purpose, value string) string {
	return mac(s.newest(), "keyed/", purpose, value)[:12]
}

// Derive makes tokens out of a seed of random bytes: one per key, newest first, each
// of [Length] characters. Whoever stores the seed and the [Hash] of one of them can
// make it again, with the keys, and cannot without them. After a change of keys the
// token is the one whose hash is the stored one.
func (s *Signer) Derive(purpose string, seed []byte) []string {
	tokens := []string{mac(s.newest(), "derive/", purpose, string(seed))}
	for _, key := range s.Keys[1:] {
		if len(key) > 0 {
			tokens = append(tokens, mac(key, "derive/", purpose, string(seed)))
		}
	}
	return tokens
}

func (s *Signer) newest() []byte {
	if len(s.Keys) == 0 || len(s.Keys[0]) == 0 {
		panic("token: Signer has no key")
	}
	return s.Keys[0]
}

// mac authenticates value under a key of its own for each use and purpose. Nothing
// is joined to the value, so no two pairs of purpose and value can run together into
// the same bytes.
func mac(secret []byte, use, purpose, value string) string {
	subkey, err := hkdf.Key(sha256.New, secret, nil, "techtreks-auth/v1/"+use+purpose, sha256.Size)
	if err != nil {
		panic("token: " + err.Error()) // the length asked for is a constant that HKDF allows
	}
	h := hmac.New(sha256.New, subkey)
	h.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
