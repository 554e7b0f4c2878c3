#!/usr/bin/env bash
# Runs the package of the TypeScript client in Node, installed from its tarball, against
# the program in bin/, which `make build` makes.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2 && exit 1; }

tarball=$root/$(scripts/client-package.sh)

mkdir "$work/server"
(cd "$work/server" && exec env PORT=0 RATE_LIMITS=off VERIFY_RESPONSES=true "$root/bin/techtreks" serve) >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	address=$(sed -n 's/.*"msg":"listening".*"url":"\([^"]*\)".*/\1/p' "$work/log")
	[[ -z $address ]] || break
	sleep 0.1
done
[[ -n $address ]] || fail "the server did not start: $(cat "$work/log")"

mkdir "$work/node" && cd "$work/node"
echo '{"private": true, "type": "module"}' >package.json
npm install --ignore-scripts --no-audit --no-fund --loglevel=error --no-package-lock "$tarball" >/dev/null
cat >main.js <<'JS'
import assert from "node:assert/strict";
import { client, getCurrentUser, login, register } from "@techtreks/auth-client";
import { createClient } from "@techtreks/auth-client/client";

client.setConfig({ baseUrl: process.argv[2] });
const who = { username: "alice", email: "alice@example.com", password: "Tr4vel-light" };
assert.equal((await register({ body: who })).data.ok, true);
const again = await register({ body: who });
assert.equal(again.error.code, "username_taken");
assert.equal(again.response.status, 409);
const { data, response } = await login({ body: { username: who.username, password: who.password } });
assert.equal(data.user.username, "alice");
// Node keeps no cookies: whoever acts for somebody passes theirs on.
const mine = createClient({ baseUrl: process.argv[2], headers: { cookie: response.headers.getSetCookie()[0].split(";")[0] } });
assert.equal((await getCurrentUser({ client: mine })).data.user.username, "alice");
assert.equal((await getCurrentUser()).data.user, null);
const nobody = await login({ baseUrl: "http://127.0.0.1:1", body: { username: "a", password: "b" } });
assert.equal(nobody.response, undefined);
JS
node main.js "$address"
! grep "answer breaks the contract" "$work/log" || fail "the server breaks the contract"
echo "ok: it works in Node $(node --version)"
