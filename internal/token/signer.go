package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// Signer signs values that the server gives to clients and later gets back.
type Signer struct {
	// Keys are the secrets, newest first. The first key signs, all keys verify. An
	// old key stays in the list until everything signed with it has expired.
	Keys [][]byte
}

// Sign returns value, a dot and the MAC of value under the newest key. [Signer.Verify]
// rejects the value for every other purpose.
//
// Sign panics if there is no key, so that no value is ever sent unsigned.
func (s *Signer) Sign(purpose, value string) string {
	return value + "." + mac(s.newest(), "sign/", purpose, value)
}

// Verify returns the original value if signed is exactly what [Signer.Sign] returns
// for the same purpose under one of the keys.
func (s *Signer) Verify(purpose, signed string) (value string, ok bool) {
	// The MAC contains no dot, but the value may.
	dot := strings.LastIndexByte(signed, '.')
	if dot < 0 {
		return "", false
	}
	value, got := signed[:dot], signed[dot+1:]
	for _, key := range s.Keys {
		if len(key) == 0 {
			continue // anyone can sign with an empty key
		}
		// Compare the encoded strings, not the decoded bytes. Decoders accept other
		// trailing bits, line breaks and padding. With several valid spellings of one
		// value, a client could bypass a list of used or revoked strings.
		want := mac(key, "sign/", purpose, value)
		if subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 {
			return value, true
		}
	}
	return "", false
}

// Keyed returns a keyed hash of value with 12 characters, for use in logs. Equal
// values have equal hashes, so that the log shows that twenty attempts targeted one
// account. The value itself, which may be a password typed into the wrong field, is
// not readable. Without the key it cannot be found by trying names either. The hash
// changes when the newest key changes.
func (s *Signer) Keyed(purpose, value string) string {
	return mac(s.newest(), "keyed/", purpose, value)[:12]
}

// Derive derives tokens of [Length] characters from a random seed: one per key,
// newest first. A caller that stores the seed and the [Hash] of the first token can
// derive that token again, but only with the keys. After a key rotation, it is the
// token that matches the stored hash.
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

// mac returns the MAC of value under a separate key for each use and purpose. The
// purpose is part of the key and not of the message, so that no two pairs of purpose
// and value give the same bytes.
func mac(secret []byte, use, purpose, value string) string {
	subkey, err := hkdf.Key(sha256.New, secret, nil, "techtreks-auth/v1/"+use+purpose, sha256.Size)
	if err != nil {
		panic("token: " + err.Error()) // impossible: HKDF allows this constant length
	}
	h := hmac.New(sha256.New, subkey)
	h.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
