#!/usr/bin/env bash
# Tests the npm package of the TypeScript client, installed from its tarball: in Node against
# bin/techtreks, with two compilers, and in Vite. Call it through `make test-client-package`,
# which builds the program first.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=$root/tools/node_modules/.bin
tsc=$root/tools/node_modules/typescript-7/bin/tsc

work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
passed=0
ok() { passed=$((passed + 1)) && echo "ok: $*"; }
fail() { echo "FAILED: $*" >&2 && exit 1; }

tarball=$root/$(scripts/client-package.sh)
version=$(awk '/^  version:/ {print $2; exit}' api/openapi.yaml)
[[ $tarball == *-"$version".tgz ]] || fail "$tarball does not have the version of the contract"

mkdir "$work/server"
(cd "$work/server" && exec env PORT=0 RATE_LIMITS=off VERIFY_RESPONSES=true "$root/bin/techtreks" serve) >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	address=$(sed -n 's/.*"msg":"listening".*"url":"\([^"]*\)".*/\1/p' "$work/log")
	[[ -z $address ]] || break
	sleep 0.1
done
[[ -n $address ]] || fail "the server did not start: $(cat "$work/log")"

install() { npm install --ignore-scripts --no-audit --no-fund --loglevel=error --no-package-lock "$@" >/dev/null; }

mkdir "$work/node" && cd "$work/node"
echo '{"private": true, "type": "module"}' >package.json
install "$tarball"
[[ $(ls node_modules) == @techtreks ]] || fail "it has dependencies: $(ls node_modules)"
ok "it has no dependencies"
cat >main.js <<'JS'
import assert from "node:assert/strict";
import { client, getCurrentUser, login, register } from "@techtreks/auth-client";
import { createClient } from "@techtreks/auth-client/client";

client.setConfig({ baseUrl: process.argv[2] });
const account = { username: "alice", email: "alice@example.com", password: "Tr4vel-light" };
assert.equal((await register({ body: account })).data.ok, true);
const again = await register({ body: account });
assert.equal(again.error.code, "username_taken");
assert.equal(again.response.status, 409);
const { data, response } = await login({ body: { username: account.username, password: account.password } });
assert.equal(data.user.username, "alice");
// Node stores no cookies, so the caller passes the cookie on.
const loggedIn = createClient({ baseUrl: process.argv[2], headers: { cookie: response.headers.getSetCookie()[0].split(";")[0] } });
assert.equal((await getCurrentUser({ client: loggedIn })).data.user.username, "alice");
assert.equal((await getCurrentUser()).data.user, null);
const unreachable = await login({ baseUrl: "http://127.0.0.1:1", body: { username: "a", password: "b" } });
assert.equal(unreachable.response, undefined);
JS
node main.js "$address"
! grep "answer breaks the contract" "$work/log" || fail "a response of the server breaks the contract"
ok "it works in Node $(node --version)"

mkdir -p "$work/vite/src" && cd "$work/vite"
echo '{"private": true, "type": "module"}' >package.json
install "$tarball" vite@8.3.8
cat >index.html <<'HTML'
<!doctype html><script type="module" src="/src/main.ts"></script>
HTML
cat >src/main.ts <<'TS'
import { getCurrentUser } from "@techtreks/auth-client";

const { data } = await getCurrentUser({ credentials: "include" });
document.title = data?.user?.username ?? "logged out";
TS
for compiler in "$tsc" "$root/tools/node_modules/typescript/bin/tsc"; do
	"$compiler" --noEmit --strict --target es2022 --module esnext --moduleResolution bundler --lib es2022,dom,dom.iterable src/main.ts
done
node_modules/.bin/vite build --logLevel error
[[ $(cat dist/assets/*.js) == *"/auth/current_user"* ]] || fail "the page does not call the server"
ok "it compiles with TypeScript 7 and 6, and builds in an empty Vite project"

cd "$work/node"
bundle() { "$tools/esbuild" --bundle --format=esm --minify --log-level=error; }
size=$(bundle <<<'export * from "@techtreks/auth-client"' | gzip -9 | wc -c)
((size < 10000)) || fail "the whole SDK has $size bytes minified and gzipped"
ok "the whole SDK has $size bytes minified and gzipped (at most 10000)"
[[ -z $(bundle <<<'import "@techtreks/auth-client"') ]] || fail "an import without a call has side effects"
ok "an import without a call has no side effects"
echo "$passed passed, 0 failed"
