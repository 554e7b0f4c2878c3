package clientip_test

import (
	"testing"

	"github.com/techtreks/auth/internal/clientip"
)

func TestParse_CanonicalForm(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:DB8:0::1": "2001:db8::1", "fe80::1%eth0": "fe80::1",
		"": "invalid IP", "192.0.2.1:80": "invalid IP", "localhost": "invalid IP",
	} {
		if got := clientip.Parse(given).String(); got != want {
			t.Errorf("Parse(%q) = %s, want %s", given, got, want)
		}
	}
}

func TestPeer_DropsPortAndZone(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[fe80::1%eth0]:80": "fe80::1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "@": "invalid IP",
	} {
		if got := clientip.Peer(given).String(); got != want {
			t.Errorf("Peer(%q) = %s, want %s", given, got, want)
		}
	}
}

func TestNetwork_IPv6IsItsSlash64(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::/64", "2001:db8::ffff:1": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64", "": "",
	} {
		if got := clientip.Network(clientip.Parse(given)); got != want {
			t.Errorf("Network(%q) = %s, want %s", given, got, want)
		}
	}
}

func TestProxies_Contains(t *testing.T) {
	proxies := clientip.ParseProxies([]string{"192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "::ffff:198.51.100.7", "no address"})
	for given, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": false, "10.255.0.1": true, "2001:db8:1::1": true, "2001:db9::1": false, "198.51.100.7": true, "": false,
	} {
		if got := proxies.Contains(clientip.Parse(given)); got != want {
			t.Errorf("Contains(%q) = %v", given, got)
		}
	}
}

func TestIsLocal_NeedsLoopbackAddressAndName(t *testing.T) {
	for _, tc := range []struct {
		client, host string
		want         bool
	}{
		{"127.0.0.1", "localhost:5001", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"::1", "[::1]:5001", true},
		{"127.0.0.1", "rebound.example.com", false},
		{"192.0.2.1", "localhost", false},
		{"", "localhost", false},
	} {
		if got := clientip.IsLocal(clientip.Parse(tc.client), tc.host); got != tc.want {
			t.Errorf("IsLocal(%q, %q) = %v", tc.client, tc.host, got)
		}
	}
}
