package password

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/techtreks/auth/internal/fuzztest"
)

// cheap returns a fast hasher for tests that do not depend on the cost.
func cheap() *Hasher {
	return &Hasher{Params: &Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}}
}

func mustHash(t *testing.T, h *Hasher, password string) string {
	t.Helper()
	phc, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

func TestHash_ReturnsRecommendedPHCString(t *testing.T) {
	var h Hasher
	first, second := mustHash(t, &h, "Correct-Horse-1"), mustHash(t, &h, "Correct-Horse-1")
	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	for _, phc := range []string{first, second} {
		if !form.MatchString(phc) {
			t.Errorf("got %s", phc)
		}
	}
	if first == second {
		t.Error("two hashes of one password are equal: the salt is not random")
	}
	ok, rehash, err := h.Verify(t.Context(), "Correct-Horse-1", first)
	if !ok || rehash || err != nil {
		t.Errorf("got %v, %v, %v", ok, rehash, err)
	}
}

func TestVerify_TakesPasswordsExactlyAsReceived(t *testing.T) {
	long := strings.Repeat("a", 1024)
	for name, tc := range map[string]struct {
		password string
		others   []string
	}{
		"spaces":             {" secret ", []string{"secret", " secret", "secret ", " secret  "}},
		"only spaces":        {"        ", []string{"", " ", "       "}},
		"nul":                {"before\x00after", []string{"before", "before\x00", "before\x00After", "beforeafter"}},
		"differs at byte 80": {long[:80] + "X", []string{long[:80] + "Y", long[:80], long[:72]}},
		"case twins":         {"Secret", []string{"secret", "SECRET"}},
		"64 emoji":           {strings.Repeat("🦀", 64), []string{strings.Repeat("🦀", 63), strings.Repeat("🦀", 63) + "🦞"}},
		"1024 bytes":         {long, []string{long[:1023], long + "a", long[:1023] + "b"}},
		"not normalised":     {"é", []string{"e\u0301"}},
		"newline at the end": {"secret\n", []string{"secret", "secret\r\n"}},
		"invalid utf8":       {"\xff\xfe", []string{"\xff", "\ufffd\ufffd"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := cheap()
			stored := mustHash(t, h, tc.password)
			if ok, _, err := h.Verify(t.Context(), tc.password, stored); !ok || err != nil {
				t.Errorf("the right password: %v, %v", ok, err)
			}
			for _, other := range tc.others {
				if ok, _, err := h.Verify(t.Context(), other, stored); ok || err != nil {
					t.Errorf("%q: %v, %v", other, ok, err)
				}
			}
		})
	}
}

func TestVerify_UnknownUserCostsOneHash(t *testing.T) {
	for _, password := range []string{"", "anything", strings.Repeat("\x00", 32)} {
		h := cheap()
		ok, rehash, err := h.Verify(t.Context(), password, "")
		if ok || rehash || err != nil {
			t.Errorf("%q: got %v, %v, %v", password, ok, rehash, err)
		}
		if h.Hashes() != 1 {
			t.Errorf("%q: %d hashes for an unknown user, want 1", password, h.Hashes())
		}
	}
	if p, err := decode(dummy(DefaultParams())); err != nil || p != DefaultParams() {
		t.Errorf("the dummy hash has parameters %+v, %v", p, err)
	}
}

func TestVerify_CorruptHashCostsOneHash(t *testing.T) {
	h := cheap()
	good := mustHash(t, h, "secret")
	salt, key := strings.Split(good, "$")[4], strings.Split(good, "$")[5]
	phc := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + key }
	if phc("m=64,t=1,p=1") != good {
		t.Fatal("phc does not build hashes as encode does")
	}
	for name, stored := range map[string]string{
		"not a hash":           "secret",
		"other algorithm":      strings.Replace(good, "argon2id", "argon2i", 1),
		"other version":        strings.Replace(good, "v=19", "v=16", 1),
		"bytes after version":  strings.Replace(good, "v=19", "v=19x", 1),
		"bytes after params":   phc("m=64,t=1,p=1x"),
		"space in params":      phc("m= 64,t=1,p=1"),
		"plus in params":       phc("m=+64,t=1,p=1"),
		"leading zero":         phc("m=064,t=1,p=1"),
		"param missing":        phc("m=64,t=1"),
		"zero iterations":      phc("m=64,t=0,p=1"),
		"zero parallelism":     phc("m=64,t=1,p=0"),
		"memory below minimum": phc("m=7,t=1,p=1"),
		"memory of 4 gib":      phc("m=4194304,t=1,p=1"),
		"memory just over":     phc("m=262145,t=1,p=1"),
		"memory overflow":      phc("m=4294967360,t=1,p=1"),
		"iterations over":      phc("m=64,t=11,p=1"),
		"parallelism over":     phc("m=1024,t=1,p=17"),
		"negative":             phc("m=-64,t=1,p=1"),
		"truncated":            good[:len(good)-10],
		"salt only":            strings.TrimSuffix(good, key),
		"no salt":              "$argon2id$v=19$m=64,t=1,p=1$$" + key,
		"padding":              good + "=",
		"newline in key":       good[:len(good)-3] + "\n" + good[len(good)-3:],
		"newline at the end":   good + "\n",
		"one field more":       good + "$",
		"space before":         " " + good,
		"huge key":             good + strings.Repeat("A", 1<<20),
		"werkzeug":             "scrypt:32768:8:1$salt$00",
		"older werkzeug":       "pbkdf2:sha256:260000$salt$00",
		"bcrypt":               "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
	} {
		t.Run(name, func(t *testing.T) {
			before := h.Hashes()
			ok, rehash, err := h.Verify(t.Context(), "secret", stored)
			if ok || rehash || !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, %v, %v", ok, rehash, err)
			}
			if strings.Contains(err.Error(), key) {
				t.Error("the error contains the hash")
			}
			if h.Hashes() != before+1 {
				t.Error("Verify did not compute a hash")
			}
		})
	}
}

func TestVerify_ReportsRehashAfterParamsChange(t *testing.T) {
	stored := mustHash(t, cheap(), "secret")
	for name, change := range map[string]func(*Params){
		"memory raised":     func(p *Params) { p.Memory *= 2 },
		"memory lowered":    func(p *Params) { p.Memory /= 2 },
		"iterations raised": func(p *Params) { p.Iterations++ },
		"parallelism":       func(p *Params) { p.Parallelism++ },
		"longer salt":       func(p *Params) { p.SaltLength = 32 },
		"longer key":        func(p *Params) { p.KeyLength = 64 },
	} {
		t.Run(name, func(t *testing.T) {
			h := cheap()
			change(h.Params)
			if ok, rehash, err := h.Verify(t.Context(), "secret", stored); !ok || !rehash || err != nil {
				t.Errorf("right password: %v, %v, %v", ok, rehash, err)
			}
			if ok, rehash, err := h.Verify(t.Context(), "Secret", stored); ok || rehash || err != nil {
				t.Errorf("wrong password: %v, %v, %v", ok, rehash, err)
			}
			if _, rehash, _ := h.Verify(t.Context(), "secret", mustHash(t, h, "secret")); rehash {
				t.Error("a new hash needs rehashing")
			}
		})
	}
}

func TestHasher_CancelledContextDoesNotHash(t *testing.T) {
	h := cheap()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash: %v", err)
	}
	if _, _, err := h.Verify(ctx, "secret", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: %v", err)
	}
	// The error of the context has priority over ErrCorrupt.
	if _, _, err := h.Verify(ctx, "secret", "damaged"); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify of a damaged hash: %v", err)
	}
	if h.Hashes() != 0 {
		t.Errorf("%d hashes with a cancelled context", h.Hashes())
	}
}

// Only an argon2id hash within the limits, exactly as this package encodes it, is
// accepted. Hashes of other systems never match.
func FuzzVerifyStored(f *testing.F) {
	good := dummy(*cheap().Params)
	for _, seed := range []string{
		"", good, good[:30], "$argon2id$v=19$m=4194304,t=1,p=1$AAAA$AAAA", "$$$$$", strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "m=", "m=0", 1), strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		// Werkzeug, from a Flask system
		"scrypt:32768:8:1$VcHcGLHZ4SOiGhOq$" + strings.Repeat("0f", 64), "pbkdf2:sha256:260000$VcHcGLHZ4SOiGhOq$" + strings.Repeat("0f", 32),
		"scrypt:32768:8:1$$", "pbkdf2:sha256:-1$salt$00", "plain$$secret",
		// bcrypt
		"$2b$12$abc", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "$2y$31$" + strings.Repeat(".", 53),
	} {
		f.Add(seed)
	}
	h := cheap()
	f.Fuzz(func(t *testing.T, stored string) {
		fuzztest.MustReturn(t)
		p, err := decode(stored)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) || p != (Params{}) {
				t.Errorf("%q: %+v, %v", stored, p, err)
			}
			if ok, rehash, err := h.Verify(t.Context(), "secret", stored); ok || rehash || (stored != "" && !errors.Is(err, ErrCorrupt)) {
				t.Errorf("%q: %t, %t, %v", stored, ok, rehash, err)
			}
			return
		}
		if !strings.HasPrefix(stored, "$argon2id$v=19$") {
			t.Errorf("%q is accepted", stored)
		}
		if p.Memory > maxMemory || p.Iterations > maxIterations || p.Parallelism > maxParallelism || p.SaltLength > 64 || p.KeyLength > 64 {
			t.Errorf("%q: above the limits: %+v", stored, p)
		}
		// The minimum is 8 KiB per lane by RFC 9106; the minimum lengths are OWASP's.
		if p.Memory < 8*uint32(p.Parallelism) || p.Iterations < 1 || p.Parallelism < 1 || p.SaltLength < 8 || p.KeyLength < 16 {
			t.Errorf("%q: below the minimum: %+v", stored, p)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	var h Hasher
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "Correct-Horse-1"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify shows what response times reveal about an account: nothing if all
// lines are equal.
func BenchmarkVerify(b *testing.B) {
	var h Hasher
	old := &Hasher{Params: &Params{Memory: 4096, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}}
	stored, err := h.Hash(b.Context(), "Correct-Horse-1")
	if err != nil {
		b.Fatal(err)
	}
	storedOld, err := old.Hash(b.Context(), "Correct-Horse-1")
	if err != nil {
		b.Fatal(err)
	}
	for _, tc := range []struct{ name, password, stored string }{
		{"right password", "Correct-Horse-1", stored},
		{"wrong password", "wrong", stored},
		{"unknown user", "wrong", ""},
		{"corrupt hash", "wrong", "damaged"},
		{"wrong password, old parameters", "wrong", storedOld},
		{"wrong password of 1024 bytes", strings.Repeat("a", 1024), stored},
	} {
		b.Run(tc.name, func(b *testing.B) {
			for b.Loop() {
				_, _, _ = h.Verify(b.Context(), tc.password, tc.stored)
			}
		})
	}
}

func BenchmarkHash200AtOnce(b *testing.B) {
	h := Hasher{Gate: Gate{Queue: 200, Wait: time.Hour}}
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, err := h.Hash(b.Context(), "Correct-Horse-1"); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(200*b.N)/b.Elapsed().Seconds(), "hashes/s")
}
