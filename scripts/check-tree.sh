#!/usr/bin/env bash
# What no linter looks at: nothing of one machine or one person in the tree, no
# file of hand-written code longer than can be read at a sitting, scripts that parse,
# mutations that fit the tree.
set -euo pipefail
cd "$(dirname "$0")/.."

git() { command git -c safe.directory="$PWD" "$@"; }

failed=0
complain() {
	echo "$*" >&2
	failed=1
}

# must_not_have WHAT PATTERN: no tracked file matches (this one has the patterns). A
# search that fails has found nothing out, and says so with a status above 1.
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
must_not_have "the address of a package registry" 'https?://[^/ ]*(registry|proxy|mirror|artifact|nexus|pypi)'
must_not_have "a private key" 'BEGIN [A-Z ]*PRIVATE KEY'
must_not_have "a mark of an unfinished merge" '^(<<<<<<<|>>>>>>>) '

# Each list in a variable first, because nobody learns how git went in "< <(git …)".
locks=$(git ls-files '*package-lock.json') && [[ -n $locks ]] || complain "git lists no package-lock.json"
while IFS= read -r file; do
	if [[ -f $file ]] && grep -q '"resolved"' "$file"; then
		complain "$file has download addresses (the .npmrc beside it leaves them out)"
	fi
done <<<"$locks"

limit=400
sources=$(git ls-files '*.go' 'web/*.ts' 'web/*.tsx' 'web/*.mjs') && [[ -n $sources ]] || complain "git lists no sources"
while IFS= read -r file; do
	[[ -f $file ]] || continue # deleted, not committed yet
	if head -n 5 "$file" | grep -q '^// Code generated .* DO NOT EDIT\.$'; then continue; fi
	lines=$(wc -l <"$file")
	if ((lines > limit)); then complain "$file has $lines lines, more than $limit"; fi
done <<<"$sources"

for script in scripts/*.sh .ci/run; do
	bash -n "$script" || complain "$script does not parse"
done

# make mutate takes too long to run with every change, so mutations that no longer fit are found here.
if scripts/prerequisites.sh --has python; then
	"$(scripts/python.sh)" scripts/mutate.py --check || failed=1
else
	echo "the mutations were not checked: that needs Python" >&2
	[[ ${CI:-} != true ]] || failed=1
fi

if ((failed == 0)); then echo "the tree is clean"; fi
exit "$failed"
