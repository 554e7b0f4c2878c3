#!/usr/bin/env bash
# The contract is one document to every tool that reads such documents: each of
# these takes it without an error or a warning. What the product itself is built
# with (oapi-codegen, hey-api) generates into a folder that is thrown away.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir -p "$out/gen/api" "$out/api"
cp api/openapi.yaml "$out/api/"
cp go.mod go.sum oapi-codegen.yaml openapi-ts.config.mjs "$out/" # go tool wants a module around it
failed=0

# agree NAME COMMAND...: it succeeds, and says nothing that looks like a complaint.
agree() {
	local said status=0
	said=$("${@:2}" 2>&1) || status=$?
	if ((status)) || grep -qiE 'warn|deprecat|invalid|error:' <<<"$said"; then
		printf '%s does not agree (status %s):\n%s\n' "$1" "$status" "$said" >&2
		failed=1
	else
		echo "$1 agrees"
	fi
}

gotool() { (cd "$out" && CGO_ENABLED=0 go tool -modfile="$root/tools/go.mod" "$@"); }

# The model that no operation uses is the answer of every path to a method it does not have.
openapi_generator() {
	.cache/generators/bin/openapi-generator-cli validate -i api/openapi.yaml --recommend |
		grep -vE '^(Warnings:|	- Unused model: MethodNotAllowed|Validating spec|\[info\] Spec has 1 recommendation)'
}

typescript() {
	# There, because it would take our linter's rules for its own here.
	(cd "$out" && "$root/scripts/generators/node_modules/.bin/openapi-typescript" api/openapi.yaml -o schema.d.ts) &&
		scripts/generators/node_modules/.bin/tsc --noEmit --strict "$out/schema.d.ts"
}

hey_api() {
	(cd "$out" && "$root/tools/node_modules/.bin/openapi-ts" --file openapi-ts.config.mjs)
}

agree "kin-openapi" go run github.com/getkin/kin-openapi/cmd/validate api/openapi.yaml
agree "oapi-codegen" gotool oapi-codegen -config oapi-codegen.yaml api/openapi.yaml
agree "oasdiff validate" gotool oasdiff validate --fail-on WARN api/openapi.yaml
if scripts/prerequisites.sh --has node; then
	scripts/npm-ci.sh tools
	scripts/npm-ci.sh scripts/generators
	agree "hey-api" hey_api
	agree "openapi-typescript" typescript
fi
if scripts/prerequisites.sh --has python; then
	scripts/venv.sh generators scripts/generators/requirements.txt
	agree "openapi-generator" openapi_generator
fi
exit "$failed"
