#!/usr/bin/env bash
# Checks that the tools which the tests need are installed. As root on Debian it installs
# the missing packages; elsewhere it prints what to install. A missing tool is a warning,
# and an error if CI=true.
#
#   prerequisites.sh             check, install, check again
#   prerequisites.sh --has NAME  exit status 0 if the tool is installed; installs nothing
#   prerequisites.sh --python    print the Python that is used here
set -euo pipefail
cd "$(dirname "$0")/.."

# at_least 1.26.8 1.26 succeeds if the first version is not older than the second.
at_least() { printf '%s\n%s\n' "$2" "$1" | sort -V -C; }

has_git() { command -v git >/dev/null; }
has_make() { command -v make >/dev/null; }
has_curl() { command -v curl >/dev/null; }
has_jq() { command -v jq >/dev/null; }

has_go() {
	local version
	version=$(go env GOVERSION 2>/dev/null) && at_least "${version#go}" 1.26.6
}

# The race detector needs cgo.
has_cc() { echo 'int main(void) { return 0; }' | "${CC:-gcc}" -x c - -include stdlib.h -o /dev/null 2>/dev/null; }

has_node() {
	local version
	command -v npm >/dev/null && version=$(node --version 2>/dev/null) && at_least "${version#v}" 20.19
}

# Python 3.11 or newer that can create a virtual environment (Debian packages ensurepip apart).
# The system's comes first, because one from a version manager is often built without
# optimizations, which makes fuzzing noticeably slower.
python() {
	local python
	for python in /usr/bin/python3 python3; do
		if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
			echo "$python"
			return
		fi
	done
	return 1
}

has_python() { python >/dev/null; }

# db/dbtest looks in the same places.
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

# CHROMIUM is the path of a browser other than Debian's. Some tests use the headless shell if it
# is installed.
has_chromium() { "${CHROMIUM:-/usr/bin/chromium}" --version >/dev/null 2>&1; }

needs=(git make curl jq go cc node postgres python chromium)
declare -A what=(
	[git]="git: the version number of the build, and the checks of tracked files"
	[make]="make: everything"
	[curl]="curl: the examples in the documentation"
	[jq]="jq: the examples in the documentation"
	[go]="Go 1.26.6 or newer: everything"
	[cc]="a C compiler with the C library's headers: the race detector"
	[node]="Node 20.19 or newer with npm: the linter of the contract, the TypeScript client, the web app"
	[chromium]="Chromium, or its path in CHROMIUM: the browser tests of the web app"
	[python]="Python 3.11 or newer with venv: fuzzing from the contract"
	[postgres]="the programs of a PostgreSQL server 15 or newer, or TEST_DATABASE_URL: the tests on PostgreSQL"
)
declare -A packages=(
	[git]=git [make]=make [curl]="curl ca-certificates" [jq]=jq [cc]="gcc libc6-dev" [node]="nodejs npm" [postgres]=postgresql [python]="python3 python3-venv" [chromium]="chromium chromium-headless-shell"
)

case ${1:-} in
--has)
	"has_$2"
	exit
	;;
--python)
	python
	exit
	;;
esac

list_missing() {
	local name
	for name in "${needs[@]}"; do
		"has_$name" || echo "$name"
	done
}

# install_packages creates no PostgreSQL cluster: the tests start servers of their own.
install_packages() {
	local no_cluster=/etc/postgresql-common/createcluster.d/techtreks.conf
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update || return
	local name wanted=()
	for name in "$@"; do
		# Debian 12 has Node 18, which is too old for the linter.
		if [[ $name == node ]] && ! at_least "$(apt-cache policy nodejs | awk '/Candidate:/ {print $2}')" 20.19; then
			continue
		fi
		# shellcheck disable=SC2206 # one word is one package
		wanted+=(${packages[$name]:-})
	done
	((${#wanted[@]})) || return 0
	echo "installing ${wanted[*]}"
	mkdir -p "${no_cluster%/*}"
	echo "create_main_cluster = false" >"$no_cluster"
	if ! apt-get -qq install -y --no-install-recommends "${wanted[@]}" >/dev/null; then
		# apt-get installs nothing if one package is unavailable, so install them one by one.
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
	echo "installed: ${needs[*]}"
	exit
fi
for name in "${missing[@]}"; do
	echo "!!! MISSING: ${what[$name]}" >&2
done
# Without Go no test can run.
if [[ ${CI:-} == true || " ${missing[*]} " == *" go "* ]]; then
	exit 1
fi
echo "!!! The checks that need them are skipped." >&2
