#!/usr/bin/env bash
# Shows that the checks bite: applies every patch in scripts/mutations to a copy
# of this tree, one at a time, and requires the check that the patch names to
# fail, for the reason that it names, after it has passed without the patch.
#   mutate.sh [NAME...]   all of them, or some
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# field NAME FILE: the value of a line before the patch itself.
field() { sed -n "s/^$1: //p;/^---/q" "$2"; }

# copy DIR: what is under version control, with what npm has installed.
copy() {
	mkdir -p "$1"
	git ls-files -z | xargs -0 cp --parents -t "$1"
	for modules in tools/node_modules scripts/generators/node_modules; do
		[[ ! -d $modules ]] || ln -s "$root/$modules" "$1/$modules"
	done
	git -C "$1" init -q # make and the scripts ask git for a version and for the files
	git -C "$1" add -A
}

# try WORKER PATCH: one line into the report.
try() {
	local dir=$work/$1 name check says said status=0 started=$SECONDS
	name=$(basename "$2" .patch) check=$(field check "$2") says=$(field says "$2")
	cd "$dir"
	if ! said=$(bash -c "$check" 2>&1); then
		printf '%-40s INVALID: its check fails without it\n%s\n' "$name" "${said: -2000}"
		return 1
	fi
	if ! said=$(git apply -C1 "$2" 2>&1); then
		printf '%-40s INVALID: it does not apply any more\n%s\n' "$name" "$said"
		git checkout -q . && git clean -qfd
		return 1
	fi
	said=$(bash -c "$check" 2>&1) || status=$?
	git checkout -q . && git clean -qfd
	if ((status == 0)); then
		printf '%-40s SURVIVED %s\n' "$name" "$check"
	elif ! grep -qF -e "$says" <<<"$said"; then
		printf '%-40s INVALID: "%s" failed without saying "%s"\n%s\n' "$name" "$check" "$says" "${said: -2000}"
		status=0
	else
		printf '%-40s caught by %s (%ss)\n' "$name" "$says" "$((SECONDS - started))"
	fi
	((status))
}

patches=("$root"/scripts/mutations/*.patch)
if (($#)); then patches=("${@/#/$root/scripts/mutations/}") && patches=("${patches[@]/%/.patch}"); fi

# Two at a time, each in a copy of its own.
workers=()
for worker in 0 1; do
	(
		copy "$work/$worker"
		failed=0
		for ((i = worker; i < ${#patches[@]}; i += 2)); do
			(try "$worker" "${patches[i]}") || failed=1
		done
		exit "$failed"
	) &
	workers+=($!)
done
failed=0
for pid in "${workers[@]}"; do wait "$pid" || failed=1; done
if ((failed)); then
	echo "not every mutation was caught" >&2
	exit 1
fi
echo "${#patches[@]} mutations, 0 survivors"
