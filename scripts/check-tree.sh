#!/usr/bin/env bash
# Checks what no linter checks: no paths of one machine or keys in tracked files, no hand-written
# file over 400 lines, scripts that parse, fuzz targets with a time limit.
#   check-tree.sh NAME...   a test or benchmark with each NAME in its name exists
set -euo pipefail
cd "$(dirname "$0")/.."

git() { command git -c safe.directory="$PWD" "$@"; }

failed=0
complain() {
	echo "$*" >&2
	failed=1
}

# must_not_have WHAT PATTERN complains if a tracked file matches; this one contains the patterns.
# git grep exits with 1 if it finds nothing, and with a higher status if it fails.
must_not_have() {
	local found status=0
	found=$(git grep -nIE -e "$2" -- . ':!scripts/check-tree.sh') || status=$?
	case $status in
	0) complain "$1 in a tracked file:"$'\n'"${found:0:2000}" ;;
	1) ;;
	*) complain "the tree could not be searched for $1 (git grep: status $status)" ;;
	esac
}

must_not_have "a path of one machine" '(^|[^[:alnum:]_.-])/(work|root|home/[a-z]+|Users/[A-Za-z]+|tmp/[a-z_]+)/'
must_not_have "the address of a package registry" 'https?://[^/ {}]*(registry|proxy|mirror|artifact|nexus|pypi)'
must_not_have "a private key" 'BEGIN [A-Z ]*PRIVATE KEY'
must_not_have "a conflict marker" '^(<<<<<<<|>>>>>>>) '

# The lists are stored in variables first, because bash ignores the exit status of git in "< <(git …)".
locks=$(git ls-files '*package-lock.json') && [[ -n $locks ]] || complain "git lists no package-lock.json"
while IFS= read -r file; do
	if [[ -f $file ]] && grep -q '"resolved"' "$file"; then
		complain "$file has download addresses (.npmrc in the same folder must leave them out)"
	fi
done <<<"$locks"

limit=400
sources=$(git ls-files '*.go' 'web/*.ts' 'web/*.tsx' 'web/*.mjs') && [[ -n $sources ]] || complain "git lists no sources"
while IFS= read -r file; do
	[[ -f $file ]] || continue # the deletion is not committed yet
	if head -n 5 "$file" | grep -q '^// Code generated .* DO NOT EDIT\.$'; then continue; fi
	lines=$(wc -l <"$file")
	if ((lines > limit)); then complain "$file has $lines lines, more than $limit"; fi
done <<<"$sources"

for script in scripts/*.sh .ci/run; do
	bash -n "$script" || complain "$script does not parse"
done

# Go reports success if a pattern such as those in the Makefile matches no test.
for name in "$@"; do
	git grep -qE --untracked "^func (Test|Benchmark)[A-Za-z0-9_]*$name" -- '*_test.go' || complain "no test has \"$name\" in its name"
done

# `go test -fuzz` does not report a target that hangs; MustReturn does.
unwatched=$(git grep -n -A1 --untracked 'f\.Fuzz(' -- '*_test.go' | grep -E -- '_test\.go-[0-9]+-' | grep -v 'fuzztest.MustReturn(t)' || true)
[[ -z $unwatched ]] || complain "these fuzz targets do not begin with fuzztest.MustReturn(t):"$'\n'"$unwatched"

if ((failed == 0)); then echo "the tree is clean"; fi
exit "$failed"
