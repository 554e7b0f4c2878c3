package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// Length is the length of a token from [New] in characters.
const Length = 43

// New returns 256 random bits as 43 characters of the URL-safe base64 alphabet,
// which cookies, URLs and headers may contain without escaping.
func New() string {
	var b [32]byte
	// crypto/rand.Read never returns an error; without randomness it ends the program.
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash returns the SHA-256 of a token, which the database stores instead of the
// token. It hashes the string and not the decoded bytes. So only the issued string
// is found, and not the other base64 spellings of the same bits.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
