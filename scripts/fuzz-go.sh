#!/usr/bin/env bash
# Runs every fuzz target of the Go code, one process each, two at a time.
#   FUZZ_TIME  how long each one runs (30s)
set -euo pipefail
cd "$(dirname "$0")/.."

# Each target as PACKAGE NAME, read from the sources: a list would be forgotten.
targets() {
	grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . |
		sed -E 's,^\./(.*)/[^/]+:[0-9]+:func (.*),./\1 \2,' | sort
}

# Built without the instrumentation of "go test -fuzz", which makes ten minutes of
# compiling SQLite. Inputs are then varied without being guided by coverage; the
# packages without a database are small and keep the guidance.
one() {
	local said binary
	if go list -deps "$1" | grep -qx modernc.org/sqlite; then
		binary=$(mktemp)
		go test -c -o "$binary" "$1"
		# One worker, so that two targets share two processors.
		said=$(cd "$1" && "$binary" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "${FUZZ_TIME:-30s}" -test.parallel 1 \
			-test.fuzzcachedir "$(go env GOCACHE)/fuzz/plain/$2" 2>&1) || failed "$@" "$said"
		rm -f "$binary"
	else
		said=$(go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZ_TIME:-30s}" -parallel 1 2>&1) || failed "$@" "$said"
	fi
	printf '%-24s %-26s %s\n' "$1" "$2" "$(grep -oE 'execs: [0-9]+' <<<"$said" | tail -n 1)"
}

failed() {
	printf '%s %s\n%s\n' "$@" >&2
	exit 1
}
export -f one failed

count=$(targets | wc -l)
((count > 0)) || { echo "no fuzz target found" >&2 && exit 1; }
targets | xargs -P 2 -L 1 bash -euo pipefail -c 'one "$@"' _
echo "$count fuzz targets, ${FUZZ_TIME:-30s} each, and nothing found"
