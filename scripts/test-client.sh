#!/usr/bin/env bash
# Tests the types of the TypeScript client: a change to an error code in the contract must
# break the compilation of the code that handles it.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=$root/tools/node_modules/.bin
tsc=$root/tools/node_modules/typescript-7/bin/tsc

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ok() { echo "ok: $*"; }
fail() { echo "FAILED: $*" >&2 && exit 1; }

"$tsc" -p client/test
ok "the client and the test of its types compile with --strict"

# changed SED prints the output of the compiler for client/test after this edit of the contract.
changed() {
	rm -rf "$work/copy" && mkdir -p "$work/copy/api"
	sed "$1" api/openapi.yaml >"$work/copy/api/openapi.yaml"
	if [[ -n $1 ]] && cmp -s api/openapi.yaml "$work/copy/api/openapi.yaml"; then fail "$1 changes nothing"; fi
	cp -R client openapi-ts.config.mjs "$work/copy/"
	ln -s "$root/tools" "$work/copy/tools"
	(cd "$work/copy" && "$tools/openapi-ts" --silent --file openapi-ts.config.mjs && "$tsc" -p client/test --skipLibCheck || true)
}

said=$(changed '')
[[ -z $said ]] || fail "the copy does not compile: $said"
said=$(changed 's/enum: \[username_taken, email_taken\]/enum: [email_taken]/')
[[ $said == *errors.ts*username_taken* ]] || fail "the removal of username_taken is not reported: $said"
ok "a code that was removed from the contract does not compile"
said=$(changed 's/enum: \[username_taken, email_taken\]/enum: [username_taken, email_taken, name_reserved]/')
[[ $said == *errors.ts*never* ]] || fail "a new code is not reported: $said"
ok "a code that was added to the contract does not compile"
