#!/usr/bin/env bash
# Tests the web app: types, units, and every page in a real browser against the
# program itself. TESTS=flows runs one file of the browser's tests alone.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

scripts/npm-ci.sh web
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd web
node_modules/.bin/tsc --noEmit
node_modules/.bin/vitest run
node_modules/.bin/vite build --logLevel warn
cd "$root"
CGO_ENABLED=0 go build -o "$work/techtreks" ./cmd/techtreks
cd web
TECHTREKS=$work/techtreks node_modules/.bin/vitest run --config test/vitest.config.ts ${TESTS:+"$TESTS"}
