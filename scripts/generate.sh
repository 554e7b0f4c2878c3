#!/usr/bin/env bash
# Generates gen/ from the contract and the SQL. With --check it changes nothing, and fails
# if gen/ differs from what would be generated.
#
# The generators write into a copy. A failing generator leaves the tree unchanged, and files
# that are no longer generated are deleted.
#
# Without Node the TypeScript client is not generated, which is an error if CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

dirs=(gen/api gen/db gen/ts)
if ! scripts/prerequisites.sh --has node; then
	echo "!!! gen/ts IS NOT GENERATED: it needs Node 20.19 or newer with npm" >&2
	if [[ ${CI:-} == true ]]; then exit 1; fi
	dirs=(gen/api gen/db)
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/gen/api" "$copy/gen/db"
cp -R api db go.mod go.sum oapi-codegen.yaml sqlc.yaml openapi-ts.config.mjs "$copy/"

gotool() { (cd "$copy" && CGO_ENABLED=0 go tool -modfile="$root/tools/go.mod" "$@"); }
gotool oapi-codegen -config oapi-codegen.yaml api/openapi.yaml
gotool sqlc generate

if [[ " ${dirs[*]} " == *" gen/ts "* ]]; then
	(cd "$copy" && "$root/tools/node_modules/.bin/openapi-ts" --silent --file openapi-ts.config.mjs)
fi

if [[ ${1:-} == --check ]]; then
	for dir in "${dirs[@]}"; do
		diff -ru "$dir" "$copy/$dir" || {
			echo "$dir is not what make generate writes (above: - committed, + generated)" >&2
			exit 1
		}
	done
	echo "fresh: ${dirs[*]}"
	exit
fi

for dir in "${dirs[@]}"; do
	rm -rf "$dir"
	cp -R "$copy/$dir" "$dir"
done
