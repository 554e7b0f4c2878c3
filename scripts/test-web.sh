#!/usr/bin/env bash
# Tests the web app: types, units, and every page in a real browser against the
# program in bin/, which `make build` makes. TESTS=flows runs one file of the
# browser's tests alone.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

scripts/npm-ci.sh web
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd web
node test/lib/docs.mjs # what the manual shows must compile as well
node_modules/.bin/tsc --noEmit
node_modules/.bin/vitest run
# A certificate that nobody trusts, for the tests over TLS.
mkdir "$work/certificate"
(cd "$work/certificate" && go run "$(go env GOROOT)/src/crypto/tls/generate_cert.go" -ecdsa-curve P256 -host localhost 2>/dev/null)
TECHTREKS=$root/bin/techtreks CERTIFICATE=$work/certificate node_modules/.bin/vitest run --config test/vitest.config.ts ${TESTS:+"$TESTS"}
