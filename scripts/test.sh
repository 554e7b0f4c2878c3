#!/usr/bin/env bash
# Everything that must hold before a change is merged. Every stage runs even if an
# earlier one failed, but for those that have nothing new to look at (once); the table at
# the end says which. Some run beside others, because there are two processors at least;
# what those say comes after the others. CI=true turns what is missing into a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

names=() results=() seconds=() lane=
notes=$(mktemp -d) # what the tests have seen of the contract
aside=$(mktemp -d) # what the stages beside them say

summary() {
	local status=$? i skipped=0 all=ok
	[[ -z $lane ]] || kill -- "-$lane" 2>/dev/null || true
	rm -rf "$notes" "$aside"
	printf '\n%-28s %-14s %8s\n' stage result seconds
	for i in "${!names[@]}"; do
		printf '%-28s %-14s %8s\n' "${names[i]}" "${results[i]:-STOPPED}" "${seconds[i]:-}"
		[[ ${results[i]:-} != SKIPPED ]] || skipped=$((skipped + 1))
	done
	((skipped == 0)) || all="ok, $skipped skipped"
	((status == 0)) || all=FAILED
	printf '%-28s %-14s %8s\n' "in all" "$all" "$SECONDS"
}
trap summary EXIT
trap 'exit 130' INT TERM

# stage NAME COMMAND...: runs it and notes how it went.
stage() {
	local started=$SECONDS result=ok
	printf '\n=== %s\n' "$1"
	names+=("$1")
	if ! "${@:2}"; then result=FAILED; fi
	results+=("$result") seconds+=("$((SECONDS - started))")
	[[ $result == ok ]]
}

# skip NAME REASON: says loudly that a stage was not run.
skip() {
	printf '\n!!! %s SKIPPED: %s\n' "$1" "$2" >&2
	names+=("$1") results+=(SKIPPED) seconds+=(0)
}

# beside COMMAND: begins stages that run while the others do, in a process group of
# its own. What they say is kept until join.
beside() {
	set -m
	(
		# Nor does anything of them stay when the script is killed outright.
		(while kill -0 $$; do sleep 1; done; kill -- 0) 2>/dev/null &
		names=() results=() seconds=()
		"$@" || true
		for i in "${!names[@]}"; do printf '%s\t%s\t%s\n' "${names[i]}" "${results[i]}" "${seconds[i]}"; done >"$aside/rows"
	) >"$aside/text" 2>&1 &
	lane=$!
	set +m
}

# join waits for them, and adds them to the table. It fails if one of them has.
join() {
	local name result took failed=0
	wait "$lane" || failed=1
	lane=
	cat "$aside/text"
	while IFS=$'\t' read -r name result took; do
		names+=("$name") results+=("$result") seconds+=("$took")
		[[ $result != FAILED ]] || failed=1
	done <"$aside/rows"
	return "$failed"
}

# once NAME "FILE..." COMMAND...: a stage that depends on nothing but these files and folders, the scripts
# and the tools. Where it has passed with the same ones within a month, it is not run.
once() {
	local cache before note
	if ! { cache=$(scripts/cache.sh) && before=$(scripts/inputs.sh $2); } 2>/dev/null; then
		stage "$1" "${@:3}"
		return
	fi
	find "$cache" -maxdepth 1 -name 'passed-*' -mtime +30 -delete
	note=$cache/passed-${1// /-}-$before
	if [[ -e $note ]]; then
		printf '\n=== %s: it has passed with the same files before\n' "$1"
		names+=("$1") results+=("ok before") seconds+=(0)
		return
	fi
	stage "$1" "${@:3}" || return
	# What was edited meanwhile may not be what has passed.
	[[ $(scripts/inputs.sh $2) != "$before" ]] || touch "$note"
}

has() { scripts/prerequisites.sh --has "$1"; }
target() { make --no-print-directory "$1"; }

# modules: go.mod and go.sum say what the code needs, and what was downloaded is
# what they name.
modules() {
	local dir difference said failed=0
	said=$(mktemp)
	for dir in . tools; do
		if difference=$(cd "$dir" && go mod tidy -diff 2>"$said"); then
			echo "$dir: tidy"
		elif [[ -n $difference ]]; then
			printf '%s: go mod tidy would change\n%s\n' "$dir" "${difference:0:4000}"
			failed=1
		else
			# A test of some dependency cannot be downloaded here, which says nothing about this code.
			echo "!!! $dir: go mod tidy could not be checked:" >&2
			tail -n 3 "$said" >&2
			[[ -z ${CI:-} ]] || failed=1
		fi
		(cd "$dir" && go mod verify) || failed=1
	done
	rm -f "$said"
	return "$failed"
}

conformance() { go run ./internal/contract/conformance "$notes"; }

# The race detector watches our code, and nearly all below it. It leaves out the C of SQLite, which
# was translated to Go by a machine, Argon2 with its 19 MiB, regular expressions, and what reads texts,
# compresses, hashes and enciphers, which would take much of its time. What is given up is a race on
# what these work on: bytes of ours, or a hash, a compressor or a reader that two requests would share;
# ours are each made for one call. Whatever reads values of ours through reflection, as encoding/json
# does, is watched. Nor are unsafe pointers checked, which only others use: said for each again,
# because flags for one package stand in the place of those for all.
race=(-race -gcflags=all=-d=checkptr=0)
for package in modernc.org/sqlite/lib modernc.org/libc modernc.org/memory golang.org/x/crypto/argon2 \
	regexp regexp/syntax github.com/goccy/go-yaml/... github.com/go-json-experiment/json/jsontext \
	compress/... hash/... crypto/internal/... strconv unicode/utf8; do
	race+=("-gcflags=$package=-race=false -d=checkptr=0")
done

tests() {
	if ! has cc; then
		race=()
		echo "!!! WITHOUT THE RACE DETECTOR: it needs a C compiler" >&2
	fi
	if ! has postgres; then
		echo "!!! ON SQLITE ONLY: the subtests on PostgreSQL skip themselves" >&2
	fi
	# The two that take longest begin together; the others fill in behind them. Garbage is
	# collected later than usual, by the tests and not by the compiler: there is memory, and the
	# time goes to the tests.
	CONFORMANCE_NOTES=$notes go test "${race[@]}" -ldflags=-w -exec 'env GOGC=400' \
		-vet=off -count=1 -timeout 40m ./internal/server ./cmd/... ./...
}

# What is about other things than the code of the server, and the browser last. It runs beside
# the build, where that is out of the way, and the tests of the code, which wait a lot: for slow
# clients, for limits, for what ends by itself.
others() {
	stage "modules" modules || true
	stage "contract breaks no client" scripts/contract.sh breaking || true
	once "what breaks one is noticed" "api/released oasdiff-levels.txt" scripts/contract.sh prove || true
	until [[ -e $aside/built ]]; do sleep 0.5; done
	stage "vet and staticcheck" target lint-go || true
	if has node; then
		stage "contract (Redocly)" target lint-spec || true
		stage "web app (lint)" target lint-web || true
		once "TypeScript client" "api client gen/ts openapi-ts.config.mjs" scripts/test-client.sh || true
		stage "TypeScript package" scripts/test-client-package.sh || true
	else
		skip "contract (Redocly)" "it needs Node"
		skip "web app (lint)" "it needs Node"
		skip "TypeScript client" "it needs Node"
		skip "TypeScript package" "it needs Node"
	fi
	once "generators agree" "api oapi-codegen.yaml openapi-ts.config.mjs" scripts/generators.sh || true
	has node && has python || skip "some of the generators" "they need Node and Python"
	# Half a minute each, but many at once: there are twelve minutes for all of this. Each then tries
	# half of what it would with one on each processor, those that hash a third. `make fuzz` has them
	# like that, for five minutes.
	FUZZ_AT_ONCE=5 stage "fuzz targets" scripts/fuzz-go.sh || true
	if has node && has chromium; then
		stage "web app" scripts/test-web.sh || true
	else
		skip "web app" "it needs Node and Chromium"
	fi
}

failed=0
stage "prerequisites" scripts/prerequisites.sh || exit 1
stage "tree" scripts/check-tree.sh || failed=1
beside others
stage "generated code is fresh" target check-generated || failed=1
stage "build" target build || failed=1
touch "$aside/built"
stage "tests, both databases" tests || failed=1
if has postgres; then
	stage "conformance" conformance || failed=1
else
	skip "conformance" "it wants every answer on both databases"
fi
# Not beside the tests of the code, which are about what happens at the same moment.
if has python; then
	stage "fuzzing from the contract" scripts/fuzz.sh -v || failed=1
else
	skip "fuzzing from the contract" "it needs Python"
fi
join || failed=1
exit "$failed"
