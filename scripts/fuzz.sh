#!/usr/bin/env bash
# Fuzzes the server from its contract, on both databases (docs/testing.md).
#   FUZZ_REQUESTS  how many requests each database gets at least (20000)
#   FUZZ_SEED      where the random numbers start (1)
set -euo pipefail
cd "$(dirname "$0")/.."

# To Go, a test that is not there has passed.
name=TestFuzzFromTheContract
grep -rq "^func $name(" cmd/techtreks || { echo "there is no $name" >&2 && exit 1; }

venv=$(scripts/venv.sh schemathesis scripts/fuzz/requirements.txt)
# Garbage is collected later than usual, as in the other tests.
SCHEMATHESIS=$venv/bin/schemathesis \
	go test ./cmd/techtreks -exec 'env GOGC=400' -run "^$name\$" -count=1 -timeout 80m "$@"
