package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

func TestNew_IsUniqueAndURLSafe(t *testing.T) {
	seen := make(map[string]bool)
	for range 10_000 {
		tok := New()
		if len(tok) != Length {
			t.Fatalf("%d characters", len(tok))
		}
		if b, err := base64.RawURLEncoding.Strict().DecodeString(tok); err != nil || len(b) != 32 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if seen[tok] {
			t.Fatal("New returned the same token twice")
		}
		seen[tok] = true
	}
}

func TestHash_DependsOnTheSpelling(t *testing.T) {
	tok := New()
	want := sha256.Sum256([]byte(tok))
	if !bytes.Equal(Hash(tok), want[:]) {
		t.Error("not the SHA-256 of the string")
	}
	// The last of 43 characters contains two bits that a decoder ignores.
	if twin := lastBitsFlipped(tok); bytes.Equal(Hash(tok), Hash(twin)) {
		t.Error("another spelling of the same bits has the same hash")
	}
}

// lastBitsFlipped returns a different string that a lenient decoder decodes to the same bytes.
func lastBitsFlipped(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[i^1])
}

func signer(keys ...string) *Signer {
	var s Signer
	for _, k := range keys {
		s.Keys = append(s.Keys, []byte(k))
	}
	return &s
}

func TestSign_ValueVerifies(t *testing.T) {
	s := signer("new key", "old key")
	for name, value := range map[string]string{
		"plain": "user:17", "empty": "", "with dots": "a.b..c.", "binary": "\x00\xff\n", "unicode": "naïve 🦀",
	} {
		t.Run(name, func(t *testing.T) {
			signed := s.Sign("cursor", value)
			if got, ok := s.Verify("cursor", signed); !ok || got != value {
				t.Errorf("got %q, %v", got, ok)
			}
			if signed != s.Sign("cursor", value) {
				t.Error("signing is not deterministic")
			}
			if !strings.HasPrefix(signed, value+".") || len(signed) != len(value)+1+43 {
				t.Errorf("got %q", signed)
			}
		})
	}
}

func TestVerify_KeyRotation(t *testing.T) {
	before := signer("old key")
	during := signer("new key", "old key")
	after := signer("new key")
	old, fresh := before.Sign("cursor", "v"), during.Sign("cursor", "v")
	for name, tc := range map[string]struct {
		by     *Signer
		signed string
		want   bool
	}{
		"old still valid during rotation": {during, old, true},
		"old refused after rotation":      {after, old, false},
		"newest signs":                    {after, fresh, true},
		"new unknown before rotation":     {before, fresh, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := tc.by.Verify("cursor", tc.signed); ok != tc.want {
				t.Errorf("got %v", ok)
			}
		})
	}
}

func TestVerify_RejectsModifiedValues(t *testing.T) {
	s := signer("key")
	signed := s.Sign("cookie", "user:17")
	value, mac, _ := strings.Cut(signed, ".")
	raw, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil {
		t.Fatal(err)
	}
	swapped := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 32
		case r >= 'A' && r <= 'Z':
			return r + 32
		}
		return r
	}, mac)
	for name, tc := range map[string]struct{ purpose, signed string }{
		"empty":                   {"cookie", ""},
		"dot alone":               {"cookie", "."},
		"value alone":             {"cookie", value},
		"no mac":                  {"cookie", value + "."},
		"no value":                {"cookie", "." + mac},
		"mac alone":               {"cookie", mac},
		"value changed":           {"cookie", "user:18." + mac},
		"value shortened":         {"cookie", "user:1." + mac},
		"value in other case":     {"cookie", "User:17." + mac},
		"second dot":              {"cookie", value + ".." + mac},
		"mac in other case":       {"cookie", value + "." + swapped},
		"mac truncated":           {"cookie", signed[:len(signed)-1]},
		"mac extended":            {"cookie", signed + "A"},
		"mac trailing bits":       {"cookie", lastBitsFlipped(signed)},
		"mac padded":              {"cookie", signed + "="},
		"mac with newline":        {"cookie", signed + "\n"},
		"mac with inner newline":  {"cookie", signed[:len(signed)-4] + "\r\n" + signed[len(signed)-4:]},
		"mac in standard base64":  {"cookie", value + "." + base64.StdEncoding.EncodeToString(raw)},
		"mac in hexadecimal":      {"cookie", value + "." + strings.Repeat("0", 64)},
		"other purpose":           {"cursor", signed},
		"purpose moved into data": {"cook", "ie" + signed},
		"empty purpose":           {"", signed},
		"other key":               {"cookie", signer("other").Sign("cookie", "user:17")},
		"keyed hash as mac":       {"cookie", value + "." + s.Keyed("cookie", value)},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := s.Verify(tc.purpose, tc.signed); ok || got != "" {
				t.Errorf("accepted as %q", got)
			}
		})
	}
}

func TestSigner_WithoutKeySignsAndAcceptsNothing(t *testing.T) {
	for name, s := range map[string]*Signer{"no keys": {}, "empty key": signer("")} {
		t.Run(name, func(t *testing.T) {
			if _, ok := s.Verify("p", "v."+mac(nil, "sign/", "p", "v")); ok {
				t.Error("a value signed with the empty key is accepted")
			}
			for use, f := range map[string]func(){
				"Sign":  func() { s.Sign("p", "v") },
				"Keyed": func() { s.Keyed("p", "v") },
			} {
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("%s did not panic", use)
						}
					}()
					f()
				}()
			}
		})
	}
}

func TestKeyed_DependsOnValuePurposeAndKey(t *testing.T) {
	s := signer("key", "older")
	a := s.Keyed("login", "alice")
	if len(a) != 12 || a != s.Keyed("login", "alice") {
		t.Errorf("got %q", a)
	}
	for name, other := range map[string]string{
		"other value":   s.Keyed("login", "alicf"),
		"other purpose": s.Keyed("reset", "alice"),
		"other key":     signer("older").Keyed("login", "alice"),
		"moved border":  s.Keyed("logina", "lice"),
	} {
		if other == a {
			t.Errorf("%s: the hash is the same", name)
		}
	}
	if strings.Contains(s.Sign("login", "alice"), a) {
		t.Error("the keyed hash is part of a signature")
	}
}

func BenchmarkVerify(b *testing.B) {
	s := signer("key", "older")
	signed := s.Sign("cursor", "user:17")
	for b.Loop() {
		if _, ok := s.Verify("cursor", signed); !ok {
			b.Fatal("refused")
		}
	}
}

func TestDerive_DependsOnSeedPurposeAndKey(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, 32)
	before, during := signer("old key"), signer("new key", "", "old key")
	old, both := before.Derive("reset", seed), during.Derive("reset", seed)
	if len(old) != 1 || len(both) != 2 || both[1] != old[0] || both[0] == old[0] {
		t.Errorf("got %q, then %q", old, both)
	}
	if len(old[0]) != Length {
		t.Errorf("%d characters", len(old[0]))
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(old[0]); err != nil {
		t.Error(err)
	}
	for name, other := range map[string]string{
		"another purpose": before.Derive("verify", seed)[0],
		"another seed":    before.Derive("reset", bytes.Repeat([]byte{8}, 32))[0],
		"another key":     signer("new key").Derive("reset", seed)[0],
		"a signature":     strings.TrimPrefix(before.Sign("reset", string(seed)), string(seed)+"."),
	} {
		if other == old[0] {
			t.Errorf("%s: the token is the same", name)
		}
	}
}
