package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// Length of a token from [New] in characters.
const Length = 43

// New returns 256 random bits as 43 characters of the URL-safe base64 alphabet:
// fit for a cookie, a URL and a header without any escaping.
func New() string {
	var b [32]byte
	// crypto/rand.Read never fails; without randomness it ends the program.
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash is what the database holds in place of a token: the SHA-256 of the string
// itself. It is not decoded first, so that of the several base64 spellings of the
// same bits only the one handed out is found.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
