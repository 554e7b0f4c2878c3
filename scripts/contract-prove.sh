#!/usr/bin/env bash
# Tests contract.sh, in a copy, on small contracts: which changes break a client
# (scripts/contract), and which releases are refused.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy"/{api/released,bin,docs,scripts,tools}
cp scripts/contract.sh "$copy/scripts/"
cp oasdiff-levels.txt go.mod go.sum "$copy/" # `go tool` needs a module
cp tools/go.mod tools/go.sum "$copy/tools/"
cd "$copy"

# A `go` that makes the report of changes fail if NO_REPORT is set.
cat >bin/go <<SH
#!/usr/bin/env bash
[[ -z \${NO_REPORT:-} || " \$* " != *" changelog "* ]] || exit 1
exec $(command -v go) "\$@"
SH
chmod +x bin/go
export PATH="$copy/bin:$PATH"

contract=api/openapi.yaml
released=api/released/openapi.yaml
changelog=docs/contract-changelog.md
passed=0 failed=0
fail() {
	printf 'FAILED: %s\n' "$*" >&2
	failed=$((failed + 1))
}

# expect STATUS TEXT WHAT COMMAND... fails unless the command ends with the status and prints the text.
expect() {
	local status=0
	output=$("${@:4}" 2>&1) || status=$?
	if [[ $status != "$1" || $output != *"$2"* ]]; then
		fail "$3: wanted status $1 and \"$2\", got status $status and"$'\n'"$output"
	else
		passed=$((passed + 1))
	fi
}

# ---- changes that break a client, and changes that do not ----------------------

cases=$root/scripts/contract
cp "$cases/breaking/before.yaml" "$released"
cp "$cases/breaking/after.yaml" "$contract"
expect 1 "breaks clients of 1.2.3" "breaking changes" scripts/contract.sh breaking
# One line for each finding: error [RULE] … in API METHOD /PATH …
findings=$(awk '/^(error|warning)\t/ {printf "\n%s", $0; next} {printf "%s ", $0}' <<<"$output")
rules=$(sed -nE 's,^  /([a-z-]+).*:.*,\1,p' "$released" | sort -u)
for rule in $rules; do
	grep -qE "\[$rule\].*[[:space:]]in API [A-Z]+ /$rule[/ ]" <<<"$findings" || fail "the change of /$rule is not reported as $rule"
done
grep -qF '{id}' <<<"$findings" || fail "another name of a parameter in a path is not reported"
[[ $findings == *"[api-schema-removed]"* ]] || fail "the removal of a schema is not reported"
untested=$(comm -13 <(sort -u <<<"$rules"$'\n'api-schema-removed) <(cut -d ' ' -f 1 oasdiff-levels.txt | sort -u))
[[ -z $untested ]] || fail "scripts/contract/breaking has no path for these rules of oasdiff-levels.txt:"$'\n'"$untested"

sed -i 's,^  version: .*,  version: 2.0.0,' "$contract"
expect 0 "may break clients of 1.2.3" "breaking changes in a major version" scripts/contract.sh breaking

cp "$cases/harmless/before.yaml" "$released"
cp "$cases/harmless/after.yaml" "$contract"
expect 0 "nothing breaks a client of 1.2.3" "harmless changes" scripts/contract.sh breaking

# ---- releases: a contract and a changelog ---------------------------------------

# document VERSION [OPERATION_ID [SUMMARY [PROPERTIES]]] prints a contract.
document() {
	cat <<-YAML
		openapi: 3.0.3
		info:
		  title: A contract
		  version: $1
		paths:
		  /login:
		    post:
		      requestBody: {content: {application/json: {schema: {type: object, properties: {username: {type: string}${4:-}}}}}}
		      responses: {'200': {description: ok}}
		  /logout:
		    post: {operationId: ${2:-logout}, summary: ${3:-Log out}, responses: {'200': {description: ok}}}
	YAML
}
unreadable() { echo "paths: [" && document "$1"; }
as_before() { cp before.yaml "$released" && cp before.md "$changelog"; }

# refuses STATUS TEXT WHAT COMMAND... expects a failure that changes neither the released contract nor the changelog.
refuses() {
	expect "$@"
	cmp -s before.yaml "$released" && cmp -s before.md "$changelog" || fail "$3: a file was written"
	as_before
}

# says WHAT LINE... fails unless the changelog consists of these lines.
says() {
	diff <(printf '%s\n' "${@:2}") "$changelog" >&2 || fail "$1: the changelog differs (wanted <, has >)"
}

document 3.4.5 >before.yaml
printf '# Changes\n\nAbout them.\n\n## 3.4.5\n\nThe first contract.\n' >before.md
as_before

unreadable 3.5.0 >"$contract"
expect 102 "could not be compared" "an unreadable contract" scripts/contract.sh breaking
refuses 102 "could not be compared" "an unreadable contract" scripts/contract.sh release
document 3.4.5 >"$contract"
refuses 1 "is still 3.4.5" "the same version" scripts/contract.sh release
document 3.4.4 >"$contract"
refuses 1 "older than 3.4.5" "an older version" scripts/contract.sh release
for version in 3.5 3.5.0-rc1 3.5.0+build 3.5.0foo 0x10.0.0 03.5.0 v3.5.0 '4.0.0[0]' '""'; do
	document "$version" >"$contract"
	refuses 1 "must be three numbers" "the version $version" scripts/contract.sh release
	refuses 1 "must be three numbers" "the version $version" scripts/contract.sh breaking
done
document 3.5.0 signOut >"$contract"
refuses 1 "[api-operation-id-removed]" "a breaking change" scripts/contract.sh release
document 3.999999.0 signOut >"$contract"
refuses 1 "[api-operation-id-removed]" "a breaking change in a high minor version" scripts/contract.sh release
document 3.5.0 >"$contract"
refuses 1 "" "no report of changes" env NO_REPORT=1 scripts/contract.sh release

document 3.10.0 logout "Log out" ", captcha: {type: string}" >"$contract"
expect 0 "3.10.0 is released" "a release" scripts/contract.sh release
cmp -s "$contract" "$released" || fail "a release: the released contract is another one"
says "a release" '# Changes' '' 'About them.' '' '## 3.10.0' '' 'Changes since 3.4.5:' '' \
	'### API Changes' '' '#### POST /login' "- added the new optional request property \`captcha\`" '' \
	'## 3.4.5' '' 'The first contract.'

cp "$released" before.yaml && cp "$changelog" before.md
document 3.10.0 >"$contract"
refuses 1 "is still 3.10.0" "the same version after a release" scripts/contract.sh release
refuses 1 "Take the release of 3.10.0 back" "the same version after a release" env UNRELEASED=true scripts/contract.sh release

document 4.0.0 signOut "Log out" ", captcha: {type: string}" >"$contract"
expect 0 "4.0.0 is released" "a major release" scripts/contract.sh release
says "a major release" '# Changes' '' 'About them.' '' '## 4.0.0' '' \
	'**This version breaks clients of 3.10.0.** Breaking changes are marked :warning:.' '' 'Changes since 3.10.0:' '' \
	'### API Changes' '' '#### POST /logout' "- :warning: api operation id \`logout\` removed and replaced with \`signOut\`" '' \
	"$(sed -n '/^## 3.10.0/,$p' before.md)"

# While the major version is 0, a new minor version may break clients.
for step in "0.9.0 0.9.1" "0.10.0 0.9.0" "1.0.0 0.9.0"; do
	document "${step% *}" >"$released"
	document "${step#* }" signOut >"$contract"
	expect 1 "[api-operation-id-removed]" "a breaking change from ${step/ / to }" scripts/contract.sh breaking
done
document 0.9.0 >"$released"
document 0.10.0 signOut >"$contract"
expect 0 "may break clients of 0.9.0" "a breaking change from 0.9.0 to 0.10.0" scripts/contract.sh breaking
printf '# Changes\n\n## 0.9.0\n\nThe first contract.\n' >"$changelog"
expect 0 "0.10.0 is released" "a minor release before 1.0.0" scripts/contract.sh release
says "a minor release before 1.0.0" '# Changes' '' '## 0.10.0' '' \
	'**This version breaks clients of 0.9.0.** Breaking changes are marked :warning:.' '' 'Changes since 0.9.0:' '' \
	'### API Changes' '' '#### POST /logout' "- :warning: api operation id \`logout\` removed and replaced with \`signOut\`" '' \
	'## 0.9.0' '' 'The first contract.'

as_before
document 3.10.1 logout Leave ", captcha: {type: string}" >"$contract"
expect 0 "3.10.1 is released" "a release with the same requests and responses" scripts/contract.sh release
says "a release with the same requests and responses" '# Changes' '' 'About them.' '' '## 3.10.1' '' \
	'Changes since 3.10.0:' '' 'No request and no answer has changed.' '' "$(sed -n '/^## 3.10.0/,$p' before.md)"

printf '# Changes\n\n## 3.10.0\n\nThe first contract.\n' >before.md
as_before
document 3.10.0 signOut >"$contract"
expect 0 "has a new baseline" "the first version again" env UNRELEASED=true scripts/contract.sh release
cmp -s "$contract" "$released" || fail "the first version again: the released contract is another one"
cmp -s before.md "$changelog" || fail "the first version again: the changelog was written"

if ((failed)); then
	echo "$failed tests of contract.sh failed" >&2
	exit 1
fi
echo "$passed commands and $(wc -w <<<"$rules") rules: contract.sh works"
