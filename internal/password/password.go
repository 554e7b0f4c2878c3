package password

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/argon2id"
)

// Params is the cost of one hash.
type Params = argon2id.Params

// Today is the cost of the hashes made now: the second of the equivalent choices
// that OWASP recommends for argon2id, and the one with the smallest memory that
// still asks for no more than two passes.
func Today() Params {
	return Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// ErrCorrupt says that a stored hash is damaged, of an unknown kind, or more
// expensive than this package will compute. The login fails like any other; the
// caller should write it to the log, because a person is locked out.
var ErrCorrupt = errors.New("password: stored hash is corrupt or beyond the allowed cost")

// Hasher makes and checks stored passwords. The zero value is what production
// uses; it must not be copied.
type Hasher struct {
	// Params is the cost of a new hash; nil means [Today]. Lower values are for
	// tests alone, no setting of the server reaches this field.
	Params *Params
	// Gate stands before every hash, a dummy one included.
	Gate Gate

	pace pace
}

// Hash returns the PHC string to store for a password.
func (h *Hasher) Hash(ctx context.Context, password string) (phc string, err error) {
	params := h.params()
	if gateErr := h.Gate.Do(ctx, func() { phc, err = argon2id.CreateHash(password, &params) }); gateErr != nil {
		return "", gateErr
	}
	return phc, err
}

// Verify reports whether password is the one that stored was made from, and
// whether it should be hashed again because it was stored under another cost than
// today's.
//
// The empty string stands for "no such user" or "no password set": it is never
// right and costs one hash of today's kind, so that the time of the answer does not
// tell who has an account. The same holds for a stored string that cannot be used,
// for which the error is [ErrCorrupt]. Any other error means that nothing was
// computed: [ErrBusy] or the context's own.
func (h *Hasher) Verify(ctx context.Context, password, stored string) (ok, rehash bool, err error) {
	today := h.params()
	used, fault := today, error(nil)
	usable := stored != ""
	if usable {
		if used, fault = decode(stored); fault != nil {
			usable, used = false, today
		}
	}
	if !usable {
		stored = dummy(today)
	}
	gateErr := h.Gate.Do(ctx, func() {
		start := time.Now()
		match, _, compareErr := argon2id.CheckHash(password, stored)
		took := time.Since(start)
		ok = match && compareErr == nil && usable
		switch {
		case used == today:
			h.pace.note(took)
		case !ok && work(used) < work(today):
			h.topUp(password, took, today)
		}
	})
	if gateErr != nil {
		return false, false, gateErr
	}
	return ok, ok && used != today, fault
}

// Hashes counts the hashes started so far, dummies included.
func (h *Hasher) Hashes() int64 { return h.Gate.Started() }

func (h *Hasher) params() Params {
	if h.Params != nil {
		return *h.Params
	}
	return Today()
}

// dummy is a well-formed hash that no password is known for: its key is all zero.
func dummy(p Params) string {
	return encode(p, make([]byte, p.SaltLength), make([]byte, p.KeyLength))
}

// topUp makes a wrong password against a hash cheaper than today's take as long as
// one against a dummy. Without it, a person who has not logged in since the cost was
// raised would be recognisable by the quick refusal. (A dearer hash cannot be hidden
// this way. It disappears at the person's next login.)
func (h *Hasher) topUp(password string, took time.Duration, today Params) {
	typical, known := h.pace.draw()
	if !known {
		// The first login since the start: nothing to go by but the hash itself.
		_, _, _ = argon2id.CheckHash(password, dummy(today)) // the outcome does not matter, the time does
		return
	}
	// Busily, as a hash would: a timer comes half a millisecond late, and late is as
	// telling as early.
	for start := time.Now(); time.Since(start) < typical-took; {
	}
}

// work is what a hash costs, in KiB written.
func work(p Params) uint64 { return uint64(p.Memory) * uint64(p.Iterations) }

// The most a stored hash may ask for. They leave room for what other systems store
// (64 MiB is common) and keep a planted hash from taking the server down.
const (
	maxMemory      = 256 * 1024 // KiB
	maxIterations  = 10
	maxParallelism = 16
	maxEncoded     = 256 // bytes of the whole string
)

// decode reads the parameters of a stored hash. It is strict: the string must be
// the very one that [encode] would write, so a lenient parser underneath (it lets
// bytes follow the parameters) cannot be talked into something unforeseen.
func decode(stored string) (Params, error) {
	if len(stored) > maxEncoded {
		return Params{}, ErrCorrupt
	}
	p, salt, key, err := argon2id.DecodeHash(stored)
	if err != nil {
		// Its text may quote the hash; ours does not.
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
