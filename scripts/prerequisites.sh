#!/usr/bin/env bash
# Makes sure that everything the tests need is on this machine. As root on a
# Debian system it installs what is missing, elsewhere it says what to install.
# With CI=true a thing that is missing is an error, otherwise a warning.
#
#   prerequisites.sh             check, install, check again
#   prerequisites.sh --has NAME  exit status 0 if it is here; installs nothing
set -euo pipefail
cd "$(dirname "$0")/.."

# at_least 1.26.8 1.26: the first version is the second or newer.
at_least() { printf '%s\n%s\n' "$2" "$1" | sort -V -C; }

has_git() { command -v git >/dev/null; }
has_make() { command -v make >/dev/null; }
has_curl() { command -v curl >/dev/null; }
has_jq() { command -v jq >/dev/null; }

has_go() {
	local version
	version=$(go env GOVERSION 2>/dev/null) && at_least "${version#go}" 1.26.6
}

# The race detector is linked by a C compiler.
has_cc() { echo 'int main(void) { return 0; }' | "${CC:-gcc}" -x c - -include stdlib.h -o /dev/null 2>/dev/null; }

has_node() {
	local version
	command -v npm >/dev/null && version=$(node --version 2>/dev/null) && at_least "${version#v}" 20.19
}

has_python() { scripts/python.sh >/dev/null 2>&1; }

# The same places as db/dbtest looks in.
has_postgres() {
	[[ -n ${TEST_DATABASE_URL:-} ]] && return
	local dir version
	for dir in "$(dirname "$(readlink -f "$(command -v initdb || true)")")" \
		"$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin \
		/opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
		[[ -x $dir/initdb && -x $dir/pg_ctl ]] || continue
		version=$("$dir/initdb" --version | grep -oE '[0-9]+' | head -1)
		if at_least "$version" 15; then return; fi
	done
	return 1
}

# CHROMIUM names another one than Debian's. Its headless shell, where there is one, takes part of
# the tests from it.
has_chromium() { "${CHROMIUM:-/usr/bin/chromium}" --version >/dev/null 2>&1; }

needs=(git make curl jq go cc node postgres python chromium)
declare -A what=(
	[git]="git: the version of the build and the checks of the tree"
	[make]="make: every command of this repository"
	[curl]="curl: the walks through the API in the documentation"
	[jq]="jq: the same"
	[go]="Go 1.26.6 or newer: everything"
	[cc]="a C compiler with the C library's headers: the race detector"
	[node]="Node 20.19 or newer with npm: the linter of the contract, generators, the TypeScript client, the web app"
	[chromium]="Chromium (or its path in CHROMIUM): the web app in a real browser"
	[python]="Python 3.11 or newer with venv: fuzzing from the contract, a generator"
	[postgres]="PostgreSQL 15 or newer, server programs, or TEST_DATABASE_URL: every test on the second database"
)
declare -A packages=(
	[git]=git [make]=make [curl]="curl ca-certificates" [jq]=jq [cc]="gcc libc6-dev" [node]="nodejs npm" [postgres]=postgresql [python]="python3 python3-venv" [chromium]="chromium chromium-headless-shell"
)

if [[ ${1:-} == --has ]]; then
	"has_$2"
	exit
fi

list_missing() {
	local name
	for name in "${needs[@]}"; do
		"has_$name" || echo "$name"
	done
}

# install_packages leaves no trace but the packages: no database server is set up
# or started, the tests start their own.
install_packages() {
	local no_cluster=/etc/postgresql-common/createcluster.d/techtreks.conf
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update || return
	local name wanted=()
	for name in "$@"; do
		# Debian 12 has Node 18, which the linter does not run on.
		if [[ $name == node ]] && ! at_least "$(apt-cache policy nodejs | awk '/Candidate:/ {print $2}')" 20.19; then
			continue
		fi
		# shellcheck disable=SC2206 # a word is a package
		wanted+=(${packages[$name]:-})
	done
	((${#wanted[@]})) || return 0
	echo "installing ${wanted[*]}"
	mkdir -p "${no_cluster%/*}"
	echo "create_main_cluster = false" >"$no_cluster"
	if ! apt-get -qq install -y --no-install-recommends "${wanted[@]}" >/dev/null; then
		# One package that cannot be had keeps all others out.
		for name in "${wanted[@]}"; do
			apt-get -qq install -y --no-install-recommends "$name" >/dev/null || echo "apt-get install $name failed" >&2
		done
	fi
	rm -f "$no_cluster"
	rmdir -p --ignore-fail-on-non-empty "${no_cluster%/*}"
}

mapfile -t missing < <(list_missing)
if ((${#missing[@]})) && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
	install_packages "${missing[@]}" || echo "apt-get update failed" >&2
	mapfile -t missing < <(list_missing)
fi

if ((${#missing[@]} == 0)); then
	echo "all here: ${needs[*]}"
	exit
fi
for name in "${missing[@]}"; do
	echo "!!! MISSING: ${what[$name]}" >&2
done
# Without Go nothing can be tested at all.
if [[ ${CI:-} == true || " ${missing[*]} " == *" go "* ]]; then
	exit 1
fi
echo "!!! What needs them is skipped." >&2
