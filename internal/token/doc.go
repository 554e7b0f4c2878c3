// Package token issues and verifies tokens: opaque tokens and signed values.
//
// An opaque token, from [New], is 256 random bits, for example in a session cookie
// or in a link in a mail. It authenticates its bearer, so the database stores only
// its [Hash]: the tokens cannot be read from a stolen backup. The hash is plain
// SHA-256 without salt or stretching, because 256 random bits cannot be guessed. A
// lookup by hash compares no secret byte by byte.
//
// When a mail is sent again, the token in its link must be the same. So that token
// is derived from a stored seed and the keys, by [Signer.Derive]. Without the keys,
// the database reveals nothing about it.
//
// A signed value, from [Signer], is not secret, but the client must not change it.
// Examples are the cursor of the next page and the state of a form. Its MAC uses a
// separate key for each purpose, so that a cursor cannot be used as another kind of
// value. Keys can be rotated: the newest key signs, all keys verify.
package token
