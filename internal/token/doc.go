// Package token makes the secrets that the server hands out and recognises them
// when they come back.
//
// There are two kinds. An opaque token, from [New], is 256 random bits: a session
// cookie, a link in a mail. Whoever holds it is believed, so the database holds only
// its [Hash]: a stolen backup logs nobody in. The hash is plain SHA-256, without salt
// or stretching, because nobody can guess 256 random bits, and a lookup by it
// compares nothing secret byte by byte.
//
// A link in a mail is made again when the mail has to be sent again, so its token
// comes out of a stored seed and the keys, by [Signer.Derive]: for whoever has the
// database and not the keys it is as random as the others.
//
// A signed value, from [Signer], is not secret but must come back unchanged: a
// cursor for the next page, the state of a form. It carries a MAC under a key made
// for its purpose alone, so that a cursor cannot be presented as something else.
// Keys can be rotated: the newest signs, all verify.
package token
