package main

import (
	"net"
	"syscall"

	"golang.org/x/net/netutil"
)

// maxConnections is how many clients are held at once; each takes some 20 KiB. The
// next ones wait until one of those leaves or is let go of, which the limits of a
// connection see to.
const maxConnections = 10_000

// ownFiles are the open files that are left for the databases, the log, the mails and
// the metrics. Without them a crowd that does nothing but connect would take the
// database from everybody.
const ownFiles = 64

// limitConnections keeps the clients below what the system lets this process open.
func limitConnections(l net.Listener) net.Listener {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		panic(err) // every system that this is built for has it
	}
	return netutil.LimitListener(l, connectionsFor(files.Cur))
}

// connectionsFor is the number of clients for a number of open files.
func connectionsFor(files uint64) int {
	switch {
	case files >= maxConnections+ownFiles:
		return maxConnections
	case files > 2*ownFiles:
		return int(files - ownFiles)
	}
	return int(max(files/2, 1))
}
