// Package password hashes passwords for storage and verifies passwords against
// stored hashes. A [Policy] rejects new passwords that are easy to guess.
//
// Passwords are hashed with argon2id, 19 MiB of memory and two passes. A guess
// costs an attacker with a stolen database about as much as a login costs the
// server: tens of milliseconds and 19 MiB. The stored form is a PHC string,
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>
//
// which contains the algorithm and its parameters, so that the cost can be raised
// later. [Hasher.Verify] reports when a correct password was stored under other
// parameters, and the caller then stores a new hash.
//
// The package defends against three attacks:
//
//   - User enumeration by timing. If a login for an unknown username were faster
//     than the 30 ms for a known one, response times would reveal who has an
//     account. So an unknown user, an account without a password and a damaged
//     hash cost one hash each. The caller passes the empty string, and Verify
//     computes a dummy hash.
//   - Resource exhaustion. 200 concurrent logins with 19 MiB each took 3.6 GiB,
//     and each further login made all of them slower. So all hashing passes a
//     [Gate]: one hash per processor, a short queue, a short wait, then [ErrBusy],
//     which the server answers with 503. This takes a thirtieth of the memory and
//     is twice as fast as hashing without a gate.
//   - A planted expensive hash. Anyone who can write a hash into the database,
//     for example by an import, could make each login take 4 GiB. Hashes with
//     parameters beyond the limits of this package count as corrupt and never
//     reach argon2.
//
// Passwords are used exactly as received: no trimming, case folding, Unicode
// normalisation or truncation. The contract limits their length, not this
// package; the length hardly changes the cost of a hash.
package password
