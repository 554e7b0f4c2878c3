#!/usr/bin/env bash
# The contract is one document to every tool that reads such documents: each of
# these takes it without an error or a warning, and notices a fault that is put into
# it to see whether it would. What is generated goes into a folder that is thrown
# away. CI=true turns what is missing into a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir -p "$out/gen/api" "$out/gen/client" "$out/api"
cp go.mod go.sum oapi-codegen.yaml openapi-ts.config.mjs "$out/" # go tool wants a module around it
agreed=0 skipped=0 failed=0

# complaints KNOWN COMMAND...: what the command says beside whole lines that match KNOWN,
# which a clean run prints, and how it ended.
complaints() {
	local said status=0
	said=$("${@:2}" 2>&1) || status=$?
	sed $'s/\e\\[[0-9;]*m//g' <<<"$said" | grep -vxE "[[:space:]]*|go: downloading .*|$1" || true
	((status == 0)) || echo "(status $status)"
}

# agree NAME KNOWN FAULT COMMAND...: the command has no complaint about the contract,
# and one about the contract with the fault, which is an edit.
agree() {
	local said
	cp api/openapi.yaml "$out/api/"
	said=$(complaints "$2" "${@:4}")
	if [[ -n $said ]]; then
		printf '%s does not agree:\n%s\n' "$1" "$said" >&2
		failed=1
		return
	fi
	sed -E "$3" api/openapi.yaml >"$out/api/openapi.yaml"
	if cmp -s api/openapi.yaml "$out/api/openapi.yaml"; then
		echo "this fault for $1 is an edit that changes nothing: $3" >&2
		failed=1
	elif [[ -z $(complaints "$2" "${@:4}") ]]; then
		echo "$1 is not heard to complain of this fault: $3" >&2
		failed=1
	else
		agreed=$((agreed + 1))
		echo "$1 agrees"
	fi
}

skip() {
	echo "!!! $1 SKIPPED: it needs $2" >&2
	skipped=$((skipped + 1))
	[[ ${CI:-} != true ]] || failed=1
}

gotool() { (cd "$out" && CGO_ENABLED=0 go tool -modfile="$root/tools/go.mod" "$@"); }

kin_openapi() { go run github.com/getkin/kin-openapi/cmd/validate "$out/api/openapi.yaml"; }

# What docs/testing.md tells whoever wants a client in Go. Nothing of the server is compiled.
go_client() {
	printf 'package: client\noutput: gen/client/client.gen.go\ngenerate: {client: true, models: true}\n' >"$out/client.yaml"
	gotool oapi-codegen -config client.yaml api/openapi.yaml &&
		(cd "$out" && CGO_ENABLED=0 go vet -mod=mod ./gen/client) # its imports are not all in our go.mod
}

hey_api() { (cd "$out" && "$root/tools/node_modules/.bin/openapi-ts" --file "$1"); }

typescript() {
	# There, because it would take our linter's rules for its own here.
	(cd "$out" && "$root/scripts/generators/node_modules/.bin/openapi-typescript" api/openapi.yaml -o schema.d.ts) &&
		tools/node_modules/typescript-7/bin/tsc --noEmit --strict "$out/schema.d.ts"
}

openapi_generator() { "$venv/bin/openapi-generator-cli" validate -i "$out/api/openapi.yaml" --recommend; }

wrong_example='/^    Username:/,/^    [A-Z]/s,example: .*,example: a b,'
odd_code='s,enum: \[login_required\],enum: [login_required\, {a: 1}],'

agree "kin-openapi" '' "$wrong_example" kin_openapi
agree "oapi-codegen" '' "s,schemas/LoggedOut',schemas/Nothing'," gotool oapi-codegen -config oapi-codegen.yaml api/openapi.yaml
agree "a client in Go" '' "s,^    LoggedOut:,    Client:,;s,schemas/LoggedOut',schemas/Client'," go_client
agree "oasdiff validate" 'No findings detected' "$wrong_example" gotool oasdiff validate --fail-on WARN api/openapi.yaml
if scripts/prerequisites.sh --has node; then
	scripts/npm-ci.sh tools
	scripts/npm-ci.sh scripts/generators
	# Our configuration spells some schemas anew before they are read: it takes them as they are, too.
	printf 'import config from "./openapi-ts.config.mjs";\n\nexport default { ...config, parser: {} };\n' >"$out/as-it-is.mjs"
	generated='@hey-api/openapi-ts v[0-9.]+|\[Job 1\] ⏳ Generating from 1 input:|\[Job 1\]   \[1\] \./api/openapi\.yaml|\[Job 1\] ✅ Done! Your output is in .*/gen/ts'
	agree "hey-api" "$generated" "$odd_code" hey_api openapi-ts.config.mjs
	agree "hey-api without our configuration's changes" "$generated" "$odd_code" hey_api as-it-is.mjs
	agree "openapi-typescript" '✨ openapi-typescript [0-9.]+|🚀 api/openapi\.yaml → schema\.d\.ts \[[0-9.]+m?s\]' \
		'/^    LoggedOut:/,/^    [A-Z]/s,type: object,&\n      oneOf: [{$ref: "#/components/schemas/Username"}]\n      discriminator: {propertyName: msg\, mapping: {a: "#/components/schemas/Username"}},' typescript
else
	skip "hey-api" "Node"
	skip "openapi-typescript" "Node"
fi
if scripts/prerequisites.sh --has python; then
	venv=$(scripts/venv.sh generators scripts/generators/requirements.txt)
	# The model that no operation uses is the answer of every path to a method it does not have.
	agree "openapi-generator" \
		'Validating spec \(.*\)|Warnings: |	- Unused model: MethodNotAllowed|\[info\] Spec has 1 recommendation\(s\)\.' \
		's,^    LoggedOut:,    Unused: {type: string}\n&,' openapi_generator
else
	skip "openapi-generator" "Python"
fi
((skipped == 0)) || echo "!!! $skipped tools have not seen the contract" >&2
((failed)) || echo "$agreed agree, each of them heard to complain of a fault"
exit "$failed"
