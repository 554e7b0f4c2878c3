#!/usr/bin/env bash
# Regenerates gen/ from the contract and the SQL, or with --check fails if gen/
# is not what would be generated.
#
# The generators write into a copy, so a failing one leaves the tree as it was,
# a file that nothing generates any more is noticed, and --check works whatever
# else is being edited.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/gen/api" "$copy/gen/db"
cp -R api db go.mod go.sum oapi-codegen.yaml sqlc.yaml "$copy/"

# Neither generator needs a C compiler, and sqlc compiles in half the time without one.
gotool() { (cd "$copy" && CGO_ENABLED=0 go tool -modfile="$root/tools/go.mod" "$@"); }
gotool oapi-codegen -config oapi-codegen.yaml api/openapi.yaml
gotool sqlc generate

if [[ ${1:-} == --check ]]; then
	for dir in gen/api gen/db; do
		diff -ru "$dir" "$copy/$dir" || {
			echo "$dir is not what make generate writes (above: - committed, + generated)" >&2
			exit 1
		}
	done
	echo "gen/api and gen/db are fresh"
	exit
fi

for dir in gen/api gen/db; do
	mkdir -p "$dir"
	rm -f "$dir"/*.go
	cp "$copy/$dir"/*.go "$dir/"
done
