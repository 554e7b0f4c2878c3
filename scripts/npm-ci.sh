#!/usr/bin/env bash
# Installs the npm packages of a folder as its lock file says, unless they are
# there already: npm-ci.sh FOLDER. As it takes half a minute for all of them, what was
# installed is kept with the caches of the user, for other checkouts that want the same,
# and forgotten when nobody has wanted it for a month.
set -euo pipefail
cd "$(dirname "$0")/../$1"

wanted=$(cat package.json package-lock.json .npmrc | sha256sum | cut -d ' ' -f 1)
[[ $wanted != "$(cat node_modules/.installed 2>/dev/null || true)" ]] || exit 0

caches=${XDG_CACHE_HOME:-$HOME/.cache}/techtreks-auth
kept=$caches/npm-$wanted
rm -rf node_modules
if [[ -d $kept ]]; then
	touch "$kept"
	cp -R "$kept" node_modules
else
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	# Put there under its name when it is whole, and by one of those that install it at once.
	mkdir -p "$caches"
	find "$caches" -maxdepth 1 -name 'npm-*' -mtime +30 -exec rm -rf {} +
	copy=$(mktemp -d "$caches/npm-XXXXXX")
	cp -R node_modules "$copy"
	mv -T "$copy/node_modules" "$kept" 2>/dev/null || true
	rm -rf "$copy"
fi
echo "$wanted" >node_modules/.installed
