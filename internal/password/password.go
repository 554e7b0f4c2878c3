package password

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/argon2id"
)

// Params are the argon2id parameters of a hash.
type Params = argon2id.Params

// DefaultParams returns the parameters of new hashes: the second of the
// equivalent settings that OWASP recommends for argon2id. Of those with at most
// two passes it needs the least memory.
func DefaultParams() Params {
	return Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// ErrCorrupt means that a stored hash is damaged, of an unknown kind, or more
// expensive than this package allows. The login fails like any other. The caller
// should log it, because the user is locked out.
var ErrCorrupt = errors.New("password: stored hash is corrupt or beyond the allowed cost")

// Hasher hashes and verifies passwords. Production uses the zero value. A Hasher
// must not be copied.
type Hasher struct {
	// Params are the parameters of new hashes; nil means [DefaultParams]. Lower
	// values are for tests only; no setting of the server changes this field.
	Params *Params
	// Gate limits concurrent hashing, including dummy hashes.
	Gate Gate

	times hashTimes
}

// Hash returns the PHC string to store for a password.
func (h *Hasher) Hash(ctx context.Context, password string) (phc string, err error) {
	params := h.params()
	if gateErr := h.Gate.Do(ctx, func() { phc, err = argon2id.CreateHash(password, &params) }); gateErr != nil {
		return "", gateErr
	}
	return phc, err
}

// Verify reports whether password matches the stored hash, and whether the
// password should be hashed again because the hash has other than the current
// parameters.
//
// An empty stored string means "no such user" or "no password set". It never
// matches and costs one hash with the current parameters, so that the response
// time does not reveal who has an account. The same applies to an unusable stored
// string, for which the error is [ErrCorrupt]. Any other error means that nothing
// was computed: [ErrBusy] or the error of the context.
func (h *Hasher) Verify(ctx context.Context, password, stored string) (ok, rehash bool, err error) {
	current := h.params()
	used, decodeErr := current, error(nil)
	usable := stored != ""
	if usable {
		if used, decodeErr = decode(stored); decodeErr != nil {
			usable, used = false, current
		}
	}
	if !usable {
		stored = dummy(current)
	}
	gateErr := h.Gate.Do(ctx, func() {
		start := time.Now()
		match, _, compareErr := argon2id.CheckHash(password, stored)
		took := time.Since(start)
		ok = match && compareErr == nil && usable
		switch {
		case used == current:
			h.times.add(took)
		case !ok && work(used) < work(current):
			h.padTime(password, took, current)
		}
	})
	if gateErr != nil {
		return false, false, gateErr
	}
	return ok, ok && used != current, decodeErr
}

// Hashes returns the number of hashes started so far, including dummy hashes.
func (h *Hasher) Hashes() int64 { return h.Gate.Started() }

func (h *Hasher) params() Params {
	if h.Params != nil {
		return *h.Params
	}
	return DefaultParams()
}

// dummy returns a well-formed hash without a known password: its key is all zero.
func dummy(p Params) string {
	return encode(p, make([]byte, p.SaltLength), make([]byte, p.KeyLength))
}

// padTime delays the rejection of a wrong password if the stored hash is cheaper
// than the current parameters. The rejection then takes as long as a dummy hash.
// Otherwise its speed would reveal an account without a login since the cost was
// raised. A more expensive hash cannot be hidden this way; the user's next login
// replaces it.
func (h *Hasher) padTime(password string, took time.Duration, current Params) {
	typical, known := h.times.next()
	if !known {
		// No hash was measured since the start, so compute one.
		_, _, _ = argon2id.CheckHash(password, dummy(current)) // only the time matters
		return
	}
	// Wait busily, as a hash would. A timer fires half a millisecond late, and that
	// difference would be measurable too.
	for start := time.Now(); time.Since(start) < typical-took; {
	}
}

// work returns the cost of a hash in KiB written.
func work(p Params) uint64 { return uint64(p.Memory) * uint64(p.Iterations) }

// The limits for the parameters of a stored hash. They allow the hashes of other
// systems (64 MiB is common), but no planted hash can exhaust the server.
const (
	maxMemory      = 256 * 1024 // KiB
	maxIterations  = 10
	maxParallelism = 16
	maxEncoded     = 256 // bytes of the whole string
)

// decode parses the parameters of a stored hash. It accepts only the exact string
// that [encode] would return. The parser of argon2id is more lenient: it accepts
// extra bytes after the parameters.
func decode(stored string) (Params, error) {
	if len(stored) > maxEncoded {
		return Params{}, ErrCorrupt
	}
	p, salt, key, err := argon2id.DecodeHash(stored)
	if err != nil {
		// err is not wrapped, because its text may contain the hash.
		return Params{}, ErrCorrupt
	}
	within := p.Iterations >= 1 && p.Iterations <= maxIterations &&
		p.Parallelism >= 1 && p.Parallelism <= maxParallelism &&
		p.Memory >= 8*uint32(p.Parallelism) && p.Memory <= maxMemory &&
		p.SaltLength >= 8 && p.SaltLength <= 64 &&
		p.KeyLength >= 16 && p.KeyLength <= 64
	if !within || encode(*p, salt, key) != stored {
		return Params{}, ErrCorrupt
	}
	return *p, nil
}

func encode(p Params, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		p.Memory, p.Iterations, p.Parallelism, b64.EncodeToString(salt), b64.EncodeToString(key))
}
