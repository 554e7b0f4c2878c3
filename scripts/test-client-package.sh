#!/usr/bin/env bash
# Tests the package of the TypeScript client, installed from the tarball where its users
# would: against the program in bin/, which `make build` makes, in other compilers and in Vite.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=$root/tools/node_modules/.bin
tsc=$root/tools/node_modules/typescript-7/bin/tsc

scripts/npm-ci.sh tools
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
passed=0
ok() { passed=$((passed + 1)) && echo "ok: $*"; }
fail() { echo "FAILED: $*" >&2 && exit 1; }

tarball=$root/$(scripts/client-package.sh)
version=$(awk '/^  version:/ {print $2; exit}' api/openapi.yaml)
[[ $tarball == *-"$version".tgz ]] || fail "$tarball has not the version of the contract"

# The program that Node runs, and a page that Vite builds, against a server.
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
[[ $(ls node_modules) == @techtreks ]] || fail "it brings other packages: $(ls node_modules)"
ok "it installs without any other package"
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
document.title = data?.user?.username ?? "nobody";
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
ok "the whole SDK has $size bytes minified and gzipped (10000 at the most)"
[[ -z $(bundle <<<'import "@techtreks/auth-client"') ]] || fail "an import alone does something"
ok "an import alone does nothing"
echo "$passed passed, 0 failed"
