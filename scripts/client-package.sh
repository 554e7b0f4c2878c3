#!/usr/bin/env bash
# Packs gen/ts as the npm package @techtreks/auth-client into bin/, with the version of the
# contract, and prints the path.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

version=$(awk '/^info:/ {info = 1} info && /^  version:/ {print $2; exit}' api/openapi.yaml)

package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
tools/node_modules/typescript-7/bin/tsc -p client --outDir "$package/dist"
cp LICENSE client/README.md "$package/"
sed "s/\"version\": \"0.0.0\"/\"version\": \"$version\"/" client/package.json >"$package/package.json"

mkdir -p bin
rm -f bin/techtreks-auth-client-*.tgz
(cd "$package" && npm pack --silent --pack-destination "$root/bin" >/dev/null)
echo "bin/techtreks-auth-client-$version.tgz"
