#!/usr/bin/env bash
# Installs the npm packages of a folder as its lock file says, unless they are
# there already: npm-ci.sh FOLDER. As it takes half a minute for all of them, what was
# installed is kept for other checkouts that want the same, and forgotten when nobody has
# wanted it for a month.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$(scripts/cache.sh)
cd "$1"

exec 9<package.json && flock 9 # one at a time in this folder
# Some packages are programs for one kind of machine.
platform="$(uname -sm) $(getconf GNU_LIBC_VERSION 2>/dev/null || echo another libc)"
wanted=$({ echo "$platform" && cat package.json package-lock.json .npmrc; } | sha256sum | cut -d ' ' -f 1)
[[ $wanted != "$(cat node_modules/.installed 2>/dev/null || true)" ]] || exit 0

# keep puts a copy of what is installed under its name, once it is whole.
kept=$cache/npm-$wanted
keep() (
	find "$cache" -maxdepth 1 -name 'npm-*' -mtime +30 -exec rm -rf {} +
	copy=$(mktemp -d "$cache/npm-XXXXXX") || exit
	trap 'rm -rf "$copy"' EXIT
	cp -R node_modules "$copy" && { mv -T "$copy/node_modules" "$kept" 2>/dev/null || [[ -d $kept ]]; }
)

rm -rf node_modules
if [[ -d $kept ]]; then
	touch "$kept"
	cp -R "$kept" node_modules
else
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	keep || echo "$1: installed, but not kept for another time" >&2
fi
echo "$wanted" >node_modules/.installed
