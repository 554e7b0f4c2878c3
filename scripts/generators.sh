#!/usr/bin/env bash
# Checks that tools of several vendors accept the contract without an error or a warning. To
# show that a tool reports anything at all, it must also report a fault in a small contract.
# Without Node or Python some tools are skipped, which is an error if CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir -p "$out/gen/api" "$out/gen/client" "$out/api"
cp go.mod go.sum oapi-codegen.yaml openapi-ts.config.mjs "$out/" # `go tool` needs a module
agreed=0 skipped=0 failed=0

# complaints KNOWN COMMAND... prints the output of the command, without lines that match KNOWN, and
# the exit status if it is not 0.
complaints() {
	local said status=0
	said=$("${@:2}" 2>&1) || status=$?
	sed $'s/\e\\[[0-9;]*m//g' <<<"$said" | grep -vxE "[[:space:]]*|go: downloading .*|$1" || true
	((status == 0)) || echo "(status $status)"
}

# agree NAME KNOWN FAULT COMMAND... requires two things of the command. It accepts the contract and
# scripts/generators/sound.yaml. It reports a fault in sound.yaml after the sed edit FAULT. KNOWN
# matches lines of its output that are no complaint.
agree() {
	local said contract
	for contract in api/openapi.yaml scripts/generators/sound.yaml; do
		cp "$contract" "$out/api/openapi.yaml"
		said=$(complaints "$2" "${@:4}")
		if [[ -n $said ]]; then
			printf '%s does not accept %s:\n%s\n' "$1" "$contract" "$said" >&2
			failed=1
			return
		fi
	done
	sed -E "$3" scripts/generators/sound.yaml >"$out/api/openapi.yaml"
	if cmp -s scripts/generators/sound.yaml "$out/api/openapi.yaml"; then
		echo "the fault for $1 changes nothing: $3" >&2
		failed=1
	elif [[ -z $(complaints "$2" "${@:4}") ]]; then
		echo "$1 does not report this fault: $3" >&2
		failed=1
	else
		agreed=$((agreed + 1))
		echo "$1 accepts the contract"
	fi
}

skip() {
	echo "!!! $1 SKIPPED: it needs $2" >&2
	skipped=$((skipped + 1))
	[[ ${CI:-} != true ]] || failed=1
}

gotool() { (cd "$out" && CGO_ENABLED=0 go tool -modfile="$root/tools/go.mod" "$@"); }

kin_openapi() { go run github.com/getkin/kin-openapi/cmd/validate "$out/api/openapi.yaml"; }

# The client in Go that docs/testing.md describes. Nothing of the server is compiled.
go_client() {
	printf 'package: client\noutput: gen/client/client.gen.go\ngenerate: {client: true, models: true}\n' >"$out/client.yaml"
	gotool oapi-codegen -config client.yaml api/openapi.yaml &&
		(cd "$out" && CGO_ENABLED=0 go vet -mod=mod ./gen/client) # go.mod here lacks some of its imports
}

hey_api() { (cd "$out" && "$root/tools/node_modules/.bin/openapi-ts" --file "$1"); }

typescript() {
	# It runs in $out, because here it would read redocly.yaml.
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
	MAKEFLAGS='' make --silent tools/node_modules/.installed scripts/generators/node_modules/.installed
	# The project's configuration rewrites some schemas. hey-api must accept them without that, too.
	printf 'import config from "./openapi-ts.config.mjs";\n\nexport default { ...config, parser: {} };\n' >"$out/as-it-is.mjs"
	generated='@hey-api/openapi-ts v[0-9.]+|\[Job 1\] ⏳ Generating from 1 input:|\[Job 1\]   \[1\] \./api/openapi\.yaml|\[Job 1\] ✅ Done! Your output is in .*/gen/ts'
	agree "hey-api" "$generated" "$odd_code" hey_api openapi-ts.config.mjs
	agree "hey-api without parser settings" "$generated" "$odd_code" hey_api as-it-is.mjs
	agree "openapi-typescript" '✨ openapi-typescript [0-9.]+|🚀 api/openapi\.yaml → schema\.d\.ts \[[0-9.]+m?s\]' \
		'/^    LoggedOut:/,/^    [A-Z]/s,type: object,&\n      oneOf: [{$ref: "#/components/schemas/Username"}]\n      discriminator: {propertyName: msg\, mapping: {a: "#/components/schemas/Username"}},' typescript
else
	skip "hey-api" "Node"
	skip "openapi-typescript" "Node"
fi
if scripts/prerequisites.sh --has python; then
	MAKEFLAGS='' make --silent .cache/generators/.installed
	venv=.cache/generators
	# No operation uses the model MethodNotAllowed, because any path can respond with it.
	agree "openapi-generator" \
		'Validating spec \(.*\)|No validation issues detected\.|Warnings: |	- Unused model: MethodNotAllowed|\[info\] Spec has 1 recommendation\(s\)\.' \
		's,^    LoggedOut:,    Unused: {type: string}\n&,' openapi_generator
else
	skip "openapi-generator" "Python"
fi
((skipped == 0)) || echo "!!! $skipped tools were skipped" >&2
((failed)) || echo "$agreed tools accept the contract, and each reports a fault"
exit "$failed"
