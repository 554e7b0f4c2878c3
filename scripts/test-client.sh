#!/usr/bin/env bash
# Tests the TypeScript client: its types, what happens to them when the contract
# changes, and its package, installed from the tarball where its users would. That it
# works is for test-client-node.sh to show.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=$root/tools/node_modules/.bin
tsc=$root/tools/node_modules/typescript-7/bin/tsc

scripts/npm-ci.sh tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
ok() { passed=$((passed + 1)) && echo "ok: $*"; }
fail() { echo "FAILED: $*" >&2 && exit 1; }

"$tsc" -p client/test
ok "the client and the test of its types compile with --strict"

# changed SED: what the compiler says about client/test/errors.ts when the
# contract has been changed like this.
changed() {
	rm -rf "$work/copy" && mkdir -p "$work/copy/api"
	sed "$1" api/openapi.yaml >"$work/copy/api/openapi.yaml"
	if [[ -n $1 ]] && cmp -s api/openapi.yaml "$work/copy/api/openapi.yaml"; then fail "$1 changes nothing"; fi
	cp -R client openapi-ts.config.mjs "$work/copy/"
	ln -s "$root/tools" "$work/copy/tools"
	(cd "$work/copy" && "$tools/openapi-ts" --silent --file openapi-ts.config.mjs && "$tsc" -p client/test --skipLibCheck || true)
}

said=$(changed '')
[[ -z $said ]] || fail "the copy does not compile: $said"
said=$(changed 's/enum: \[username_taken, email_taken\]/enum: [email_taken]/')
[[ $said == *errors.ts*username_taken* ]] || fail "nothing is said when username_taken is gone: $said"
ok "a code that is gone from the contract breaks the compile"
said=$(changed 's/enum: \[username_taken, email_taken\]/enum: [username_taken, email_taken, name_reserved]/')
[[ $said == *errors.ts*never* ]] || fail "nothing is said about a code that is new: $said"
ok "a code that is new in the contract breaks the compile"

tarball=$root/$(scripts/client-package.sh)
version=$(awk '/^  version:/ {print $2; exit}' api/openapi.yaml)
[[ $tarball == *-"$version".tgz ]] || fail "$tarball has not the version of the contract"

install() { npm install --ignore-scripts --no-audit --no-fund --loglevel=error --no-package-lock "$@" >/dev/null; }

mkdir "$work/node" && cd "$work/node"
echo '{"private": true, "type": "module"}' >package.json
install "$tarball"
[[ $(ls node_modules) == @techtreks ]] || fail "it brings other packages: $(ls node_modules)"
ok "it installs without any other package"
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
