#!/usr/bin/env bash
# Installs the npm packages of a folder as its lock file says, unless they are
# there already: npm-ci.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../$1"

wanted=$(cat package.json package-lock.json .npmrc | sha256sum)
if [[ $wanted != "$(cat node_modules/.installed 2>/dev/null || true)" ]]; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	echo "$wanted" >node_modules/.installed
fi
