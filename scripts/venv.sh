#!/usr/bin/env bash
# Makes the virtual environment .cache/NAME with exactly what a file of pinned
# and hashed requirements says, unless it is there already: venv.sh NAME FILE
# It links to the Python it was made with, and is made anew for another.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.cache/$1
python=$(scripts/python.sh)
wanted=$("$python" -c 'import sys; print(sys.base_prefix, sys.version)' && cat "$2")
if [[ $wanted != "$(cat "$venv/installed.txt" 2>/dev/null || true)" ]]; then
	rm -rf "$venv"
	"$python" -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$2"
	echo "$wanted" >"$venv/installed.txt"
fi
