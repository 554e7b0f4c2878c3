// Package password turns passwords into strings that are safe to store, and
// checks passwords against such strings. A [Policy] decides beforehand whether a
// password is one that is guessed first.
//
// The story is short. A password is hashed with argon2id, 19 MiB of memory and
// two passes, which costs an attacker with a stolen database about as much per
// guess as it costs us: tens of milliseconds and 19 MiB. What is stored is a
// PHC string,
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>
//
// which names its own algorithm and cost, so that the cost can be raised one
// day: [Hasher.Verify] says when a correct password was stored under other
// parameters, and the caller stores a fresh hash.
//
// Three attacks shape the rest.
//
// Guessing who has an account. A login for an unknown name that answers at once,
// where a known one takes 30 ms, is a list of customers for whoever has a
// stopwatch. So an unknown user, an account without a password and a damaged hash
// cost one hash like any other: the caller passes the empty string and Verify
// works through a dummy.
//
// Exhausting the machine. 200 logins at once, each with 19 MiB, took 3.6 GiB
// and got slower with every one added. So all hashing passes a [Gate]: as many at
// once as there are processors, a short queue, a short wait, and then [ErrBusy],
// which the server answers with 503. That is both 30 times smaller and twice as
// fast as having no gate.
//
// Planting an expensive hash. Whoever can write a hash into the database, by an
// import for example, could ask for 4 GiB per login. Parameters beyond the caps
// of this package are treated as damage and never reach argon2.
//
// Passwords are taken exactly as received: no trimming, no case folding, no
// Unicode normalisation, no truncation. Length is bounded by the contract, not
// here; it hardly changes the cost of a hash.
package password
