#!/usr/bin/env bash
# Fuzzes the server from its contract, on both databases (docs/testing.md).
#   FUZZ_REQUESTS  how many requests each database gets at least (20000)
#   FUZZ_SEED      where the random numbers start (1)
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/venv.sh schemathesis scripts/fuzz/requirements.txt
SCHEMATHESIS=$PWD/.cache/schemathesis/bin/schemathesis \
	go test ./cmd/techtreks -run '^TestFuzzFromTheContract$' -count=1 -timeout 80m "$@"
