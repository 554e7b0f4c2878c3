#!/usr/bin/env bash
# Prints the folder of a virtual environment with exactly what a file of pinned and hashed
# requirements says: venv.sh NAME FILE. It is made if it is not there. That
# takes half a minute, so it is kept for other checkouts. It links to the Python it was made with; for another, or for
# other requirements, there is another one.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(scripts/python.sh)
wanted=$("$python" -c 'import sys; print(sys.base_prefix, sys.version)' && cat "$2")
venv=$(scripts/cache.sh)/$1-$(cksum <<<"$wanted" | tr ' ' -)
if [[ ! -e $venv/complete ]]; then
	rm -rf "$venv"
	"$python" -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$2"
	touch "$venv/complete"
fi
echo "$venv"
