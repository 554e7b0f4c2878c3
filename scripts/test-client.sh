#!/usr/bin/env bash
# Tests the types of the TypeScript client, and what happens to them when the contract
# changes. Its package is for test-client-package.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=$root/tools/node_modules/.bin
tsc=$root/tools/node_modules/typescript-7/bin/tsc

scripts/npm-ci.sh tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ok() { echo "ok: $*"; }
fail() { echo "FAILED: $*" >&2 && exit 1; }

"$tsc" -p client/test
ok "the client and the test of its types compile with --strict"

# changed SED: what the compiler says about client/test/errors.ts when the
# contract has been changed like this.
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
[[ $said == *errors.ts*username_taken* ]] || fail "nothing is said when username_taken is gone: $said"
ok "a code that is gone from the contract breaks the compile"
said=$(changed 's/enum: \[username_taken, email_taken\]/enum: [username_taken, email_taken, name_reserved]/')
[[ $said == *errors.ts*never* ]] || fail "nothing is said about a code that is new: $said"
ok "a code that is new in the contract breaks the compile"
