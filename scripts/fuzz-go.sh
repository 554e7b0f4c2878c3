#!/usr/bin/env bash
# Runs every fuzz target of the Go code, as many at a time as there are processors.
#   FUZZ_TIME  how long each one runs (5m)
set -euo pipefail
cd "$(dirname "$0")/.."

# targets prints PACKAGE NAME for each fuzz target in the sources.
targets() {
	grep -rnoE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]+' . |
		sed -E 's,^\./(.*)/[^/]+:[0-9]+:func (.*),./\1 \2,' | sort
}

# one PACKAGE NAME runs a target. Fuzzing instruments all dependencies for coverage, and SQLite takes
# ten minutes to compile like that: what is fuzzed must be in a package that does not import it.
one() {
	local output execs
	if go list -deps -test "$1" | grep -x modernc.org/sqlite >/dev/null; then
		failed "$@" "depends on SQLite: move the fuzzed code to a package that does not"
	fi
	# Go sometimes reports the end of the time as an error (golang/go#75804): retry once.
	if ! output=$(fuzz "$@"); then
		grep -qx '    context deadline exceeded' <<<"$output" && output=$(fuzz "$@") || failed "$@" "$output"
	fi
	# In a run of one or two seconds Go may only report how many known inputs it ran.
	execs=$(grep -oE '(execs|gathering baseline coverage): [0-9]+' <<<"$output" | tail -n 1 || true)
	[[ $execs =~ [1-9] ]] || failed "$@" "ran no input: $output"
	printf '%-28s %-30s %s\n' "$1" "$2" "$execs"
}

# One worker for each target. Without its limit, minimizing an interesting input takes up to a minute.
fuzz() { nice -n 5 go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZ_TIME:-5m}" -fuzzminimizetime 1s -parallel 1 2>&1; }

failed() {
	printf '%s %s\n%s\n' "$@" >&2
	exit 1
}
export -f one fuzz failed

count=$(targets | wc -l)
((count > 0)) || { echo "no fuzz target found" >&2 && exit 1; }
targets | xargs -P "$(nproc)" -L 1 bash -euo pipefail -c 'one "$@"' _
echo "$count fuzz targets, ${FUZZ_TIME:-5m} each: no failure"
