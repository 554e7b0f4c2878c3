#!/usr/bin/env bash
# Runs every fuzz target of the Go code, one process each.
#   FUZZ_TIME     how long each one runs (30s)
#   FUZZ_AT_ONCE  how many run at the same time (one for each processor)
set -euo pipefail
cd "$(dirname "$0")/.."

# Each target as PACKAGE NAME, read from the sources: a list would be forgotten.
targets() {
	grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . |
		sed -E 's,^\./(.*)/[^/]+:[0-9]+:func (.*),./\1 \2,' | sort
}

# Coverage guides the inputs. SQLite would take ten minutes to compile with that, and
# run as a part of what is fuzzed: a parser that is fuzzed stands in a package without it.
one() {
	local said execs
	if go list -deps -test "$1" | grep -x modernc.org/sqlite >/dev/null; then
		failed "$@" "has the database below it: move what it fuzzes to a package that has not"
	fi
	# The end of its time is now and then an error to Go (golang/go#75804), with nothing found: that is
	# worth another run, but no third.
	if ! said=$(fuzz "$@"); then
		grep -qx '    context deadline exceeded' <<<"$said" && said=$(fuzz "$@") || failed "$@" "$said"
	fi
	# Of a second or two it is only told how many of the inputs kept were run.
	execs=$(grep -oE '(execs|gathering baseline coverage): [0-9]+' <<<"$said" | tail -n 1 || true)
	[[ $execs =~ [1-9] ]] || failed "$@" "was not run: $said"
	printf '%-24s %-26s %s\n' "$1" "$2" "$execs"
}

# One worker, so that each takes one processor at most, and what runs beside them goes first. Without
# a limit of its own, making an interesting input smaller takes a minute, in which nothing is tried.
fuzz() { nice -n 5 go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZ_TIME:-30s}" -fuzzminimizetime 1s -parallel 1 2>&1; }

failed() {
	printf '%s %s\n%s\n' "$@" >&2
	exit 1
}
export -f one fuzz failed

# go test -fuzz does not notice by itself what hangs.
unwatched=$(grep -rn --include='*_test.go' -A1 'f\.Fuzz(' . | grep -E -- '_test\.go-[0-9]+-' | grep -v 'fuzztest.MustReturn(t)' || true)
[[ -z $unwatched ]] || failed "These targets do not begin with" "fuzztest.MustReturn(t):" "$unwatched"

count=$(targets | wc -l)
((count > 0)) || { echo "no fuzz target found" >&2 && exit 1; }
targets | xargs -P "${FUZZ_AT_ONCE:-$(nproc)}" -L 1 bash -euo pipefail -c 'one "$@"' _
echo "$count fuzz targets, ${FUZZ_TIME:-30s} each, and nothing found"
