// Package clientip parses and compares the addresses of clients and proxies.
package clientip

import (
	"net"
	"net/netip"
	"strings"
)

// Parse returns the canonical form of an address: ::ffff:192.0.2.1 becomes
// 192.0.2.1, 2001:DB8::1 becomes 2001:db8::1, and a zone is dropped. Otherwise a
// client would have as many rate limits as its address has spellings. The result is
// invalid if s is not an address.
func Parse(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return canonical(addr)
}

// Peer returns the address of http.Request.RemoteAddr, which is host:port.
func Peer(remoteAddr string) netip.Addr {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return canonical(peer.Addr())
}

func canonical(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// Network returns what limits count by: an IPv4 address itself, and the /64 of an
// IPv6 address, because one IPv6 customer has 2^64 addresses and could use each once
// (better-auth CVE-2026-45364). It returns the empty string for an invalid address.
func Network(addr netip.Addr) string {
	switch {
	case !addr.IsValid():
		return ""
	case !addr.Is6():
		return addr.String()
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr.String() // unreachable: every IPv6 address has a /64
	}
	return prefix.String()
}

// Proxies are the networks that are trusted to set X-Forwarded-For.
type Proxies []netip.Prefix

// ParseProxies reads addresses and CIDR ranges. It skips entries that are neither:
// package config rejects those at the start.
func ParseProxies(list []string) Proxies {
	var proxies Proxies
	for _, text := range list {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			proxies = append(proxies, prefix)
		} else if addr := Parse(text); addr.IsValid() {
			proxies = append(proxies, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	return proxies
}

// Contains reports whether addr belongs to a proxy of the list.
func (p Proxies) Contains(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// IsLocal reports whether a request comes from this machine and asked for it by a
// loopback name. Any other name could be a remote page's own, made to resolve to this
// machine (DNS rebinding). host may have a port.
func IsLocal(client netip.Addr, host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	named, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return client.IsLoopback() && (host == "localhost" || err == nil && named.IsLoopback())
}
