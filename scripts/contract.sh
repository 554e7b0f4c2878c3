#!/usr/bin/env bash
# Compares the contract with the one that was released last.
#
#   contract.sh breaking [FILE]   fail if FILE (api/openapi.yaml) breaks a client of the released one
#                                 without being a new major version
#   contract.sh changes           what has changed since the release, in Markdown
#   contract.sh prove             show that this script does what it says, on a copy
#   contract.sh release           make api/openapi.yaml the released one, and write the changelog.
#                                 UNRELEASED=true replaces the baseline of the very first version,
#                                 which is right only as long as nobody has got it
set -euo pipefail
cd "$(dirname "$0")/.."

contract=api/openapi.yaml
released=api/released/openapi.yaml
changelog=docs/contract-changelog.md

# compare COMMAND FILE FLAG...: asks oasdiff what is new in FILE. The levels are for
# what breaks generated clients; the name of a parameter in a path is an argument
# of theirs, which oasdiff would not look at.
compare() {
	CGO_ENABLED=0 go tool -modfile=tools/go.mod oasdiff "$1" "${@:3}" --include-path-params \
		--severity-levels oasdiff-levels.txt "$released" "$2"
}

# version FILE: its info.version. Nothing but three numbers: what a client may
# expect of a release is decided by them.
version() {
	local found
	found=$(awk '/^info:/ {info = 1} info && /^  version:/ {gsub(/["\047]/, "", $2); print $2; exit}' "$1") || return
	if [[ ! $found =~ ^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}$ ]]; then
		echo "$1: info.version is '$found', and must be three numbers such as 1.2.3" >&2
		return 1
	fi
	echo "$found"
}

# newer 1.10.0 1.9.0: the first is a later version than the second.
newer() { [[ $1 != "$2" && $(printf '%s\n' "$1" "$2" | sort -V | tail -n 1) == "$1" ]]; }

# breaking FILE: a warning of oasdiff is a change that can break a client, so it
# counts.
breaking() {
	local before now status=0
	before=$(version "$released") || return
	now=$(version "$1") || return
	if newer "${now%%.*}" "${before%%.*}"; then
		echo "$1 is $now, a new major version after $before: it may break clients. It does so here:"
		compare breaking "$1"
		return
	fi
	compare breaking "$1" --fail-on WARN || status=$?
	case $status in
	0) echo "nothing breaks a client of $before" ;;
	1) echo "the contract breaks clients of $before (above); only a higher major version in info.version may" >&2 ;;
	*) echo "$1 could not be compared with $released" >&2 ;;
	esac
	return "$status"
}

changes() {
	local text
	text=$(compare changelog "$contract" --format markdown) || return
	# The heading of the report is ours to write; its empty lines say nothing.
	sed -E -e '/^# /d' -e 's/^#+ /#&/' -e 's/^-  /- /' \
		-e 's/^No changes (detected|to report).*/No request and no answer has changed./' <<<"$text" | cat -s | sed -e '/./,$!d'
}

release() {
	local before now text
	before=$(version "$released") || return
	now=$(version "$contract") || return
	if [[ $now == "$before" ]]; then
		again "$now"
		return
	fi
	if ! newer "$now" "$before"; then
		echo "$now is older than $before" >&2
		return 1
	fi
	breaking "$contract" || return
	text=$(changes) || return
	{
		sed '/^## /,$d' "$changelog"
		printf '## %s\n\nChanges since %s:\n\n%s\n\n' "$now" "$before" "$text"
		sed -n '/^## /,$p' "$changelog"
	} >"$changelog.new"
	mv "$changelog.new" "$changelog"
	cp "$contract" "$released"
	echo "$now is released; $changelog says what is new"
}

# again VERSION: what has changed since the version before cannot be told a second
# time here, because this version's baseline took the place of that one's. Only the
# first version has none before it.
again() {
	if [[ ${UNRELEASED:-} != true ]]; then
		echo "info.version in $contract is still $1, which has been released: raise it first" >&2
		return 1
	fi
	if grep -q '^Changes since ' "$changelog"; then
		cat >&2 <<-ADVICE
			$changelog says what $1 changes, which would no longer be true: only the first version can be
			replaced. Take the release of $1 back, and release it anew:
			  git checkout COMMIT_BEFORE_THE_RELEASE -- $released $changelog
			  make release-contract
		ADVICE
		return 1
	fi
	cp "$contract" "$released"
	echo "$1, which nobody has got yet, has a new baseline"
}

case ${1:-} in
breaking) breaking "${2:-$contract}" ;;
changes) changes ;;
prove) scripts/contract-prove.sh ;;
release) release ;;
*)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
	exit 2
	;;
esac
