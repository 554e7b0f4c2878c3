#!/usr/bin/env bash
# Compares the contract with the one that was released last.
#
#   contract.sh breaking [FILE]   fail if FILE (api/openapi.yaml) breaks a client of the released one
#                                 without being a new major version
#   contract.sh changes           what has changed since the release, in Markdown
#   contract.sh prove             show that breaking edits are found and harmless ones are not
#   contract.sh release           make api/openapi.yaml the released one, and write the changelog.
#                                 UNRELEASED=true replaces a baseline of the same version, which is
#                                 right only as long as nobody has got that version
set -euo pipefail
cd "$(dirname "$0")/.."

released=api/released/openapi.yaml
changelog=docs/contract-changelog.md

oasdiff() { CGO_ENABLED=0 go tool -modfile=tools/go.mod oasdiff "$@"; }

version() { awk '/^info:/ {info = 1} info && $1 == "version:" {gsub(/["\047]/, "", $2); print $2; exit}' "$1"; }

# breaking FILE: a warning of oasdiff is a change that can break a client, so it
# counts. The levels in oasdiff-levels.txt are for what breaks generated clients.
breaking() {
	local now before
	before=$(version "$released") now=$(version "$1")
	if ((${now%%.*} > ${before%%.*})); then
		echo "$1 is $now, a new major version after $before: it may break clients. It does so here:"
		oasdiff breaking --severity-levels oasdiff-levels.txt "$released" "$1"
		return
	fi
	if ! oasdiff breaking --severity-levels oasdiff-levels.txt --fail-on WARN "$released" "$1"; then
		echo "the contract breaks clients of $before (above); only a higher major version in info.version may" >&2
		return 1
	fi
	echo "nothing breaks a client of $before"
}

changes() {
	local text
	text=$(oasdiff changelog --severity-levels oasdiff-levels.txt --format markdown "$released" api/openapi.yaml)
	# The heading of the report is ours to write; its empty lines say nothing.
	text=$(sed -e '/^# /d' -e 's/^##* /#&/' -e 's/^-  /- /' <<<"$text" | cat -s)
	printf '%s\n' "${text:-Nothing has changed.}" | sed -e '/./,$!d'
}

# prove edits a copy of the released contract, one edit at a time.
prove() {
	local copy edit verdict failed=0
	copy=$(mktemp --suffix=.yaml)
	trap 'rm -f "$copy"' RETURN
	while IFS='|' read -r verdict edit; do
		sed -E "$edit" "$released" >"$copy"
		if cmp -s "$released" "$copy"; then
			echo "this edit changes nothing: $edit" >&2
			failed=1
		elif breaking "$copy" >/dev/null 2>&1; then
			[[ $verdict == harmless ]] || { echo "not found to break clients: $edit" >&2 && failed=1; }
		else
			[[ $verdict == breaks ]] || { echo "found to break clients: $edit" >&2 && failed=1; }
		fi
	done <<-'EDITS'
		breaks|s,^  /auth/logout:,  /auth/log_out:,
		breaks|s,operationId: logout$,operationId: signOut,
		breaks|s,enum: \[login_required\],enum: [login_required\, session_expired],
		breaks|/^    Username:/,/^    [A-Z]/s,maxLength: 30,maxLength: 20,
		breaks|/^    LoggedIn:/,/^    [A-Z]/s/required: \[ok, msg, user\]/required: [ok, msg]/
		breaks|/^    Credentials:/,/^    [A-Z]/s,properties:,&\n        captcha: {type: string\, maxLength: 9},;/^    Credentials:/,/^    [A-Z]/s,required: \[,&captcha\, ,
		breaks|/^  .auth.current_user:/,/^  .auth.profile:/{/^        - \{\}$/d}
		breaks|/^  .auth.logout:/,/^  .auth.current_user:/s,'200':,'204':,
		harmless|s,^  version: 0,  version: 1,;s,operationId: logout$,operationId: signOut,
		harmless|s,description: Log out,description: Leave,;s,summary: Log out,summary: Leave,
		harmless|/^    Credentials:/,/^    [A-Z]/s,properties:,&\n        captcha: {type: string\, maxLength: 9},
		harmless|/^  .auth.logout:/,/^  .auth.current_user:/s,^      responses:,&\n        '404': {$ref: '#/components/responses/NotFound'},
	EDITS
	((failed == 0)) && echo "breaking edits are found, harmless ones are not"
}

release() {
	local now before
	before=$(version "$released") now=$(version api/openapi.yaml)
	if [[ $now == "$before" ]]; then
		if [[ ${UNRELEASED:-} == true ]]; then
			cp api/openapi.yaml "$released"
			echo "$now, which nobody has got yet, has a new baseline"
			return
		fi
		echo "info.version in api/openapi.yaml is still $before, which has been released: raise it first" >&2
		return 1
	fi
	if [[ $(printf '%s\n' "$before" "$now" | sort -V | tail -n 1) != "$now" ]]; then
		echo "$now is older than $before" >&2
		return 1
	fi
	breaking api/openapi.yaml
	local entry rest
	entry=$(printf '## %s\n\nChanges since %s:\n\n%s\n' "$now" "$before" "$(changes)")
	rest=$(sed -n '/^## /,$p' "$changelog")
	{ sed '/^## /,$d' "$changelog" && printf '%s\n\n%s\n' "$entry" "$rest"; } >"$changelog.new"
	mv "$changelog.new" "$changelog"
	cp api/openapi.yaml "$released"
	echo "$now is released; $changelog says what is new"
}

case ${1:-} in
breaking) breaking "${2:-api/openapi.yaml}" ;;
changes) changes ;;
prove) prove ;;
release) release ;;
*)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
	exit 2
	;;
esac
