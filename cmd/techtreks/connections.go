package main

import (
	"net"
	"syscall"

	"golang.org/x/net/netutil"
)

// maxConnections is the number of open client connections, about 20 KiB each. Further
// connections wait until one closes, at the latest when one of its timeouts ends it.
const maxConnections = 10_000

// ownFiles is the number of open files reserved for the database, the log, mail and
// metrics. Without the reserve, clients that only connect could use up the files that the
// database needs, and deny service to all others.
const ownFiles = 64

// limitConnections limits client connections so that they stay below the limit of open
// files of this process.
func limitConnections(l net.Listener) net.Listener {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		panic(err) // supported by every target system
	}
	return netutil.LimitListener(l, connectionsFor(files.Cur))
}

// connectionsFor returns the limit of connections for a limit of open files.
func connectionsFor(files uint64) int {
	switch {
	case files >= maxConnections+ownFiles:
		return maxConnections
	case files > 2*ownFiles:
		return int(files - ownFiles)
	}
	return int(max(files/2, 1))
}
