#!/usr/bin/env bash
# Tests the web app: types, units, and every page in a real browser against bin/techtreks.
# TESTS=flows runs only that file of the browser tests. Call it through `make test-web`,
# which builds the program first.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd web
node test/lib/docs.mjs # extracts the code examples of the documentation, which must compile too
node_modules/.bin/tsc --noEmit
node_modules/.bin/vitest run
# A self-signed certificate for the tests over TLS.
mkdir "$work/certificate"
(cd "$work/certificate" && go run "$(go env GOROOT)/src/crypto/tls/generate_cert.go" -ecdsa-curve P256 -host localhost 2>/dev/null)
TECHTREKS=$root/bin/techtreks CERTIFICATE=$work/certificate node_modules/.bin/vitest run --config test/vitest.config.ts ${TESTS:+"$TESTS"}
