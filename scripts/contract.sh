#!/usr/bin/env bash
# Compares the contract with the one that was released last.
#
#   contract.sh breaking [FILE]   fail if FILE (api/openapi.yaml) breaks clients of the released one and its
#                                 version does not allow that: a new major version may, and a new
#                                 minor version while the major version is 0
#   contract.sh changes           what has changed since the release, in Markdown
#   contract.sh release           make api/openapi.yaml the released one, and write the changelog.
#                                 UNRELEASED=true replaces the baseline of the very first version,
#                                 as long as it has not been published
set -euo pipefail
cd "$(dirname "$0")/.."

contract=api/openapi.yaml
released=api/released/openapi.yaml
changelog=docs/contract-changelog.md

# compare COMMAND FILE FLAG...: runs oasdiff with the released contract and FILE. The severity levels
# cover what breaks generated clients. The name of a path parameter is an argument of their
# functions, which oasdiff ignores without --include-path-params.
compare() {
	CGO_ENABLED=0 go tool -modfile=tools/go.mod oasdiff "$1" "${@:3}" --include-path-params \
		--severity-levels oasdiff-levels.txt "$released" "$2"
}

# version FILE: its info.version, which must be three numbers: they decide whether a
# release may break clients.
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

# may_break BEFORE NOW: the step between the two versions allows breaking changes:
# a new major version, or a new minor version while the major version is 0
# (semver.org, clause 4).
may_break() {
	newer "${2%%.*}" "${1%%.*}" || { [[ $1 == 0.* && $2 == 0.* ]] && newer "${2%.*}" "${1%.*}"; }
}

# breaking FILE: warnings of oasdiff count as well, because those changes can break a client.
breaking() {
	local before now status=0
	before=$(version "$released") || return
	now=$(version "$1") || return
	if may_break "$before" "$now"; then
		echo "$1 is $now and may break clients of $before. Breaking changes:"
		compare breaking "$1"
		return
	fi
	compare breaking "$1" --fail-on WARN || status=$?
	case $status in
	0) echo "nothing breaks a client of $before" ;;
	1)
		cat >&2 <<-ADVICE
			the contract breaks clients of $before (above). Raise info.version: the major version, or the minor
			version while the major version is 0
		ADVICE
		;;
	*) echo "$1 could not be compared with $released" >&2 ;;
	esac
	return "$status"
}

changes() {
	local text
	text=$(compare changelog "$contract" --format markdown) || return
	# The script writes its own heading, and blank lines are removed.
	sed -E -e '/^# /d' -e 's/^#+ /#&/' -e 's/^-  /- /' \
		-e 's/^No changes (detected|to report).*/No request and no answer has changed./' <<<"$text" | cat -s | sed -e '/./,$!d'
}

release() {
	local before now text note= status=0
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
	compare breaking "$contract" --fail-on WARN >/dev/null || status=$?
	case $status in
	0) ;;
	1) note=$'**This version breaks clients of '$before$'.** Breaking changes are marked :warning:.\n\n' ;;
	*) return "$status" ;;
	esac
	{
		sed '/^## /,$d' "$changelog"
		printf '## %s\n\n%sChanges since %s:\n\n%s\n\n' "$now" "$note" "$before" "$text"
		sed -n '/^## /,$p' "$changelog"
	} >"$changelog.new"
	mv "$changelog.new" "$changelog"
	cp "$contract" "$released"
	echo "$now is released; $changelog lists the changes"
}

# again VERSION: replaces the baseline of the first version. The changes of a later version
# cannot be listed a second time, because its baseline has replaced the one before it.
again() {
	if [[ ${UNRELEASED:-} != true ]]; then
		echo "info.version in $contract is still $1, which has been released: raise it first" >&2
		return 1
	fi
	if grep -q '^Changes since ' "$changelog"; then
		cat >&2 <<-ADVICE
			$changelog lists the changes of $1, and that list would become wrong: only the first version can be
			replaced. Take the release of $1 back, and release it again:
			  git checkout COMMIT_BEFORE_THE_RELEASE -- $released $changelog
			  make release-contract
		ADVICE
		return 1
	fi
	cp "$contract" "$released"
	echo "$1, which is not published yet, has a new baseline"
}

case ${1:-} in
breaking) breaking "${2:-$contract}" ;;
changes) changes ;;
release) release ;;
*)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
	exit 2
	;;
esac
