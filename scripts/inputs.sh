#!/usr/bin/env bash
# Prints a digest of some files and folders, of all scripts, and of the tools: inputs.sh FILE...
# It fails if one of them is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(scripts/python.sh)
{
	go version
	node --version
	npm --version
	"$python" -VV
	find "$@" go.mod go.sum scripts tools -name node_modules -prune -o -type f -printf '%m %p\n' | sort
	find "$@" go.mod go.sum scripts tools -name node_modules -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
} | sha256sum | cut -d ' ' -f 1
