#!/usr/bin/env bash
# Shows that contract.sh finds what breaks clients, lets pass what does not, and
# releases only what it should, on a copy of what it reads.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy"/{api/released,bin,docs,scripts,tools}
cp scripts/contract.sh "$copy/scripts/"
cp oasdiff-levels.txt go.mod go.sum "$copy/" # go tool wants a module around it
cp tools/go.mod tools/go.sum "$copy/tools/"
cd "$copy"

# contract.sh asks for oasdiff a hundred times here: go need not look each time whether
# it is built. NO_REPORT makes it fail where it is to tell what has changed.
cat >bin/go <<SH
#!/usr/bin/env bash
[[ -z \${NO_REPORT:-} || \$4 != changelog ]] || exit 1
exec $(CGO_ENABLED=0 go tool -modfile=tools/go.mod -n oasdiff) "\${@:4}"
SH
chmod +x bin/go
export PATH="$copy/bin:$PATH" GOGC=400 # each asks for 70 MB, and a quarter less time

contract=api/openapi.yaml
released=api/released/openapi.yaml
changelog=docs/contract-changelog.md
passed=0 failed=0
fail() {
	printf 'FAILED: %s\n' "$*" >&2
	failed=$((failed + 1))
}

# expect STATUS TEXT WHAT COMMAND...: the command ends with the status, and says the text.
expect() {
	local said status=0
	said=$("${@:4}" 2>&1) || status=$?
	if [[ $status != "$1" || $said != *"$2"* ]]; then
		fail "$3: wanted status $1 and \"$2\", got status $status and"$'\n'"$said"
	else
		passed=$((passed + 1))
	fi
}

# edit FILE NEW SED: NEW is FILE, edited. An edit that finds nothing proves nothing.
edit() {
	sed -E "$3" "$1" >"$2"
	if [[ -n $3 ]] && cmp -s "$1" "$2"; then fail "this edit changes nothing: $3"; fi
}

# Each line: the rule of oasdiff that stops the second edit or "harmless", and the
# edits: of the contract that was released, if it takes one to prepare the other, and
# of the one that comes after it. Where the released contract no longer has what an edit looks
# for, the edit is written anew.
rules=
while IFS='|' read -r rule before after; do
	edit "$root/$released" "$released" "$before"
	edit "$released" "$contract" "$after"
	if [[ $rule == harmless ]]; then
		expect 0 "" "$before|$after" scripts/contract.sh breaking
	else
		rules+=$rule$'\n'
		expect 1 "[$rule]" "$before|$after" scripts/contract.sh breaking
	fi
done <<'EDITS'
api-path-removed-without-deprecation||s,^  /auth/logout:,  /auth/log_out:,
api-path-removed-without-deprecation||/^  .auth.sessions.\{id\}:/,/^  .auth.export:/{s,\{id\},{session},;s,name: id,name: session,}
api-path-removed-with-deprecation|s,^      operationId: logout$,&\n      deprecated: true,|s,^  /auth/logout:,  /auth/log_out:,
api-removed-with-deprecation|s,^      operationId: logout$,&\n      deprecated: true,|/^  .auth.logout:/,/^  .auth.current_user:/s,^    post:,    put:,
api-operation-id-removed||s,operationId: logout$,operationId: signOut,
api-operation-id-removed|s,^  version: .*,  version: 3.4.5,|s,operationId: logout$,operationId: signOut,;s,^  version: .*,  version: 3.999999.0,
api-operation-id-removed|s,^  version: .*,  version: 0.9.0,|s,operationId: logout$,operationId: signOut,;s,^  version: .*,  version: 0.9.1,
api-operation-id-removed|s,^  version: .*,  version: 0.10.0,|s,operationId: logout$,operationId: signOut,;s,^  version: .*,  version: 0.9.0,
api-operation-id-removed|s,^  version: .*,  version: 1.0.0,|s,operationId: logout$,operationId: signOut,;s,^  version: .*,  version: 0.9.0,
harmless|s,^  version: .*,  version: 0.9.0,|s,operationId: logout$,operationId: signOut,;s,^  version: .*,  version: 0.10.0,
api-schema-removed||s,^    LoggedOut:,    SignedOut:,;s,schemas/LoggedOut',schemas/SignedOut',
api-security-anonymous-access-removed||/^  .auth.current_user:/,/^  .auth.profile:/{/^        - \{\}$/d}
new-required-request-property||/^    Credentials:/,/^    [A-Z]/s,properties:,&\n        captcha: {type: string\, maxLength: 9},;/^    Credentials:/,/^    [A-Z]/s,required: \[,&captcha\, ,
request-property-max-length-decreased||/^    Username:/,/^    [A-Z]/s,maxLength: 30,maxLength: 20,
request-property-pattern-changed||/^    Username:/,/^    [A-Z]/s,pattern: .*,pattern: '^[a-z]+$',
request-property-removed-with-deprecation|/^    Credentials:/,/^    [A-Z]/{s,^        username:,&\n          deprecated: true,;s,required: \[username\, ,required: [,}|/^    Credentials:/,/^    [A-Z]/s,^        username:,        name:,
request-property-default-value-changed|/^    Credentials:/,/^    [A-Z]/s,^        username:,&\n          default: guest,|s,default: guest,default: alice,
request-property-default-value-removed|/^    Credentials:/,/^    [A-Z]/s,^        username:,&\n          default: guest,|/default: guest/d
request-property-type-generalized||/^    Credentials:/,/^    [A-Z]/{/format: password/d}
request-body-type-generalized|/^    Credentials:/,/^    [A-Z]/s,type: object,&\n      format: pair,|/format: pair/d
request-parameter-removed-with-deprecation|/^        - name: limit/,/^          example:/s,in: query,&\n          deprecated: true,|/^        - name: limit/,/^          example:/d
request-parameter-default-value-changed||/^        - name: limit/,/^          example:/s,default: 50,default: 40,
request-parameter-default-value-removed||/^        - name: limit/,/^          example:/s, default: 50\,,,
request-parameter-type-generalized||/^        - name: limit/,/^          example:/s,type: integer,type: string,
response-success-status-removed||/^  .auth.logout:/,/^  .auth.current_user:/s,'200':,'204':,
response-success-status-added||/^  .auth.logout:/,/^  .auth.current_user:/s,^      responses:,&\n        '204': {description: Nobody was logged in.},
response-non-success-status-removed||/^  .auth.logout:/,/^  .auth.current_user:/{/^        '400':/d}
response-property-enum-value-added||s,enum: \[login_required\],enum: [login_required\, session_expired],
response-property-enum-value-removed||s,enum: \[username_taken\, email_taken\],enum: [email_taken],
response-property-became-enum||/^    AuditEvent:/,/^    [A-Z]/s,^        reason: \{,&enum: [mistake\, malice]\, ,
response-property-became-optional||/^    LoggedOut:/,/^    [A-Z]/s,required: \[ok\, msg\],required: [ok],
response-property-max-length-increased||/^    LoggedOut:/,/^    [A-Z]/s,maxLength: 200,maxLength: 300,
response-property-type-specialized||/^    AuditEvent:/,/^    [A-Z]/s,^        repeats: \{,&format: int64\, ,
response-property-one-of-removed|/^    AuditEvent:/,/^    [A-Z]/s,^        reason: \{,&oneOf: [{maxLength: 3}\, {minLength: 4}]\, ,|s,\, \{minLength: 4\}\],],
response-property-any-of-removed|/^    AuditEvent:/,/^    [A-Z]/s,^        reason: \{,&anyOf: [{maxLength: 3}\, {minLength: 4}]\, ,|s,\, \{minLength: 4\}\],],
response-required-property-removed-with-deprecation|/^    LoggedOut:/,/^    [A-Z]/s,^        msg:,&\n          deprecated: true,|/^    LoggedOut:/,/^    [A-Z]/{s,^        msg:,        message:,;s,required: \[ok\, msg\],required: [ok],}
response-optional-property-removed|/^    LoggedOut:/,/^    [A-Z]/s,required: \[ok\, msg\],required: [ok],|/^    LoggedOut:/,/^    [A-Z]/s,^        msg:,        message:,
response-optional-property-became-write-only|/^    LoggedOut:/,/^    [A-Z]/s,required: \[ok\, msg\],required: [ok],|/^    LoggedOut:/,/^    [A-Z]/s,^        msg:,&\n          writeOnly: true,
response-body-type-specialized||/^    AssetText:/,/^    [A-Z]/s,type: string,&\n      format: byte,
response-body-one-of-removed|/^    AssetText:/,/^    [A-Z]/s,type: string,&\n      oneOf: [{maxLength: 3}\, {minLength: 4}],|s,\, \{minLength: 4\}\],],
response-body-any-of-removed|/^    AssetText:/,/^    [A-Z]/s,type: string,&\n      anyOf: [{maxLength: 3}\, {minLength: 4}],|s,\, \{minLength: 4\}\],],
response-mediatype-became-enum||/^    AssetText:/,/^    [A-Z]/s,type: string,&\n      enum: [a\, b],
response-mediatype-enum-value-removed|/^    AssetText:/,/^    [A-Z]/s,type: string,&\n      enum: [a\, b],|s,enum: \[a\, b\],enum: [a],
response-media-type-name-specialized||/^  .auth.logout:/,/^  .auth.current_user:/s,application/json:,application/problem+json:,
response-media-type-parameter-added||/^  .auth.logout:/,/^  .auth.current_user:/s,application/json:,application/json; charset=utf-8:,
optional-response-header-removed||/^  .auth.logout:/,/^  .auth.current_user:/{/^            RateLimit:/d}
response-header-type-compatible||/^    RateLimit:/,/^    [A-Z]/s,type: string,type: integer,
response-header-type-specialized|/^    RetryAfter:/,/^    [A-Z]/s,type: integer,type: number,|/^    RetryAfter:/,/^    [A-Z]/s,type: number,type: integer,
harmless||s,^  version: .*,  version: 999999.0.0,;s,operationId: logout$,operationId: signOut,
harmless||s,description: Log out,description: Leave,;s,summary: Log out,summary: Leave,
harmless||/^    Credentials:/,/^    [A-Z]/s,properties:,&\n        captcha: {type: string\, maxLength: 9},
harmless||/^    LoggedOut:/,/^    [A-Z]/s,properties:,&\n        at: {type: string\, maxLength: 9},
harmless||/^    Credentials:/,/^    [A-Z]/s,^        username:,&\n          default: guest,
harmless||/^  .auth.logout:/,/^  .auth.current_user:/s,^      responses:,&\n        '404': {$ref: '#/components/responses/NotFound'},
harmless||s,^      operationId: logout$,&\n      deprecated: true,
EDITS

unproven=$(comm -13 <(sort -u <<<"$rules") <(cut -d ' ' -f 1 oasdiff-levels.txt | sort -u))
[[ -z $unproven ]] || fail "no edit proves these of oasdiff-levels.txt:"$'\n'"$unproven"

# What cannot be compared has not been found to break anything, nor to be harmless.
cp "$root/$released" "$released"
edit "$released" "$contract" 's,^paths:,paths: [,'
expect 102 "could not be compared" "an unreadable document" scripts/contract.sh breaking

# ---- releases: a contract of this version, and a changelog --------------------
edit "$root/$released" before.yaml 's,^  version: .*,  version: 3.4.5,'
printf '# Changes\n\nAbout them.\n\n## 3.4.5\n\nThe first contract.\n' >before.md
as_before() { cp before.yaml "$released" && cp before.md "$changelog"; }
as_before

# refuses STATUS TEXT WHAT COMMAND...: it fails, and neither the baseline nor the changelog is another.
refuses() {
	expect "$@"
	cmp -s before.yaml "$released" && cmp -s before.md "$changelog" || fail "$3: something has been written"
	as_before
}

cp before.yaml "$contract"
refuses 1 "is still 3.4.5" "the same version" scripts/contract.sh release
edit before.yaml "$contract" 's,^  version: .*,  version: 3.4.4,'
refuses 1 "older than 3.4.5" "an older version" scripts/contract.sh release
for version in 3.5 3.5.0-rc1 3.5.0+build 3.5.0foo 0x10.0.0 03.5.0 v3.5.0 '4.0.0[0]' '""'; do
	edit before.yaml "$contract" "s,^  version: .*,  version: $version,"
	refuses 1 "must be three numbers" "the version $version" scripts/contract.sh release
	refuses 1 "must be three numbers" "the version $version" scripts/contract.sh breaking
done
edit before.yaml "$contract" 's,^  version: .*,  version: 3.5.0,;s,operationId: logout$,operationId: signOut,'
refuses 1 "[api-operation-id-removed]" "breaking clients" scripts/contract.sh release
edit before.yaml "$contract" 's,^  version: .*,  version: 3.5.0,;s,^paths:,paths: [,'
refuses 102 "could not be compared" "an unreadable document" scripts/contract.sh release

# The report of the changes fails where the comparison before it has not.
edit before.yaml "$contract" 's,^  version: .*,  version: 3.5.0,'
refuses 1 "" "no report" env NO_REPORT=1 scripts/contract.sh release

# says WHAT LINE...: the changelog is these lines.
says() {
	diff <(printf '%s\n' "${@:2}") "$changelog" >&2 || fail "$1: the changelog does not say so (wanted <, has >)"
}

edit before.yaml "$contract" 's,^  version: .*,  version: 3.10.0,;/^    Credentials:/,/^    [A-Z]/s,properties:,&\n        captcha: {type: string\, maxLength: 9},'
expect 0 "3.10.0 is released" "a release" scripts/contract.sh release
cmp -s "$contract" "$released" || fail "a release: the baseline is another contract"
says "a release" '# Changes' '' 'About them.' '' '## 3.10.0' '' 'Changes since 3.4.5:' '' \
	'### API Changes' '' '#### POST /auth/login' "- added the new optional request property \`captcha\`" '' \
	'## 3.4.5' '' 'The first contract.'

cp "$released" before.yaml && cp "$changelog" before.md
sed -i 's,name: Apache-2.0,name: Apache License 2.0,' "$contract"
refuses 1 "is still 3.10.0" "the same version after a release" scripts/contract.sh release
refuses 1 "Take the release of 3.10.0 back" "the same version after a release" env UNRELEASED=true scripts/contract.sh release

edit before.yaml "$contract" 's,^  version: .*,  version: 4.0.0,;s,operationId: logout$,operationId: signOut,'
expect 0 "4.0.0 is released" "a major release" scripts/contract.sh release
says "a major release" '# Changes' '' 'About them.' '' '## 4.0.0' '' \
	'**This version breaks clients of 3.10.0.** Breaking changes are marked :warning:.' '' 'Changes since 3.10.0:' '' \
	'### API Changes' '' '#### POST /auth/logout' "- :warning: api operation id \`logout\` removed and replaced with \`signOut\`" '' \
	"$(sed -n '/^## 3.10.0/,$p' before.md)"

printf '# Changes\n\n## 0.9.0\n\nThe first contract.\n' >"$changelog"
edit before.yaml "$released" 's,^  version: .*,  version: 0.9.0,'
edit before.yaml "$contract" 's,^  version: .*,  version: 0.10.0,;s,operationId: logout$,operationId: signOut,'
expect 0 "0.10.0 is released" "a minor release before 1.0.0" scripts/contract.sh release
says "a minor release before 1.0.0" '# Changes' '' '## 0.10.0' '' \
	'**This version breaks clients of 0.9.0.** Breaking changes are marked :warning:.' '' 'Changes since 0.9.0:' '' \
	'### API Changes' '' '#### POST /auth/logout' "- :warning: api operation id \`logout\` removed and replaced with \`signOut\`" '' \
	'## 0.9.0' '' 'The first contract.'

as_before
edit before.yaml "$contract" 's,^  version: .*,  version: 3.10.1,;s,summary: Log out,summary: Leave,'
expect 0 "3.10.1 is released" "a release that changes no request and no answer" scripts/contract.sh release
says "a release that changes no request and no answer" '# Changes' '' 'About them.' '' '## 3.10.1' '' \
	'Changes since 3.10.0:' '' 'No request and no answer has changed.' '' "$(sed -n '/^## 3.10.0/,$p' before.md)"

printf '# Changes\n\n## 3.10.0\n\nThe first contract.\n' >before.md
as_before
edit before.yaml "$contract" 's,operationId: logout$,operationId: signOut,'
expect 0 "has a new baseline" "the first version again" env UNRELEASED=true scripts/contract.sh release
cmp -s "$contract" "$released" || fail "the first version again: the baseline is another contract"
cmp -s before.md "$changelog" || fail "the first version again: the changelog has been written"

if ((failed)); then
	echo "$failed of the comparison's own tests failed" >&2
	exit 1
fi
echo "breaking edits are found, harmless ones are not; releases are what they should be ($passed commands)"
