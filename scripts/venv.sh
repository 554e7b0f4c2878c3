#!/usr/bin/env bash
# Makes the virtual environment .cache/NAME with exactly what a file of pinned
# and hashed requirements says, unless it is there already: venv.sh NAME FILE
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.cache/$1
if ! cmp -s "$2" "$venv/installed.txt"; then
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$2"
	cp "$2" "$venv/installed.txt"
fi
