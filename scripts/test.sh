#!/usr/bin/env bash
# Runs lists of make targets one after the other, and prints a table of results and seconds:
#   test.sh "[-jN] TARGET..."...
# A target that fails does not stop the others, except those that depend on it (NOT RUN).
set -euo pipefail
cd "$(dirname "$0")/.."

STEPS=$(mktemp)
export STEPS
trap 'rm -f "$STEPS"' EXIT
all=ok
for list in "$@"; do
	# shellcheck disable=SC2086 # the list is split into words
	make --no-print-directory --keep-going --output-sync=target $list || all=FAILED
done

printf '\n%-22s %-8s %8s\n' step result seconds
for list in "$@"; do
	for target in $list; do
		[[ $target == -* ]] || awk -v name="$target" '
			$1 == name {result = $2; seconds = $3}
			END {printf "%-22s %-8s %8s\n", name, result ? result : "NOT RUN", seconds}' "$STEPS"
	done
done
skipped=$(grep -c ' SKIPPED ' "$STEPS" || true)
((skipped == 0)) || printf '%s steps were skipped\n' "$skipped"
printf '%-22s %-8s %8s\n' total "$all" "$SECONDS"
[[ $all == ok ]]
