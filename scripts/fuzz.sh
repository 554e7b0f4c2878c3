#!/usr/bin/env bash
# Fuzzes the server from its contract on both databases (docs/testing.md). Flags are for go test.
#   FUZZ_REQUESTS  the least number of requests for each database
#   FUZZ_SEED      the start of the random numbers (1)
set -euo pipefail
cd "$(dirname "$0")/.."

MAKEFLAGS='' make --silent .cache/fuzz/.installed
SCHEMATHESIS=$PWD/.cache/fuzz/bin/schemathesis \
	go test ./cmd/... -exec 'env GOGC=400' -run '^TestServer_FuzzFromTheContract$' -count=1 -timeout 120m "$@"
