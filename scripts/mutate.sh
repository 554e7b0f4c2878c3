#!/usr/bin/env bash
# Shows that the checks bite: applies every patch in scripts/mutations to a copy
# of this tree, one at a time, and requires the check that the patch names to
# fail, in the words that the patch names, after it has passed without the patch.
#   mutate.sh [NAME...]   all of them, or some
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

work=$(mktemp -d) workers=()
# What is here is never a copy's repository, even where a copy has none.
export GIT_CEILING_DIRECTORIES=$work

# The copies go when nobody works in them any more: whoever lost theirs under their
# feet would be left with the tree that they were started in.
finish() {
	local pid i
	trap '' INT TERM
	for pid in "${workers[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
	for pid in "${workers[@]}"; do
		for ((i = 0; i < 100; i++)); do
			kill -0 -- "-$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$pid" 2>/dev/null || true
	done
	wait
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# field NAME FILE: the value of a line before the patch itself.
field() { sed -n "s/^$1: //p;/^---/q" "$2"; }

# copy DIR: what is under version control, with what npm has installed.
copy() {
	local installed
	mkdir "$1"
	git ls-files -z | xargs -0 cp --parents -t "$1"
	for installed in tools/node_modules scripts/generators/node_modules; do
		[[ ! -d $installed ]] || ln -s "$root/$installed" "$1/$installed"
	done
	git -C "$1" init -q # make and the scripts ask git for a version and for the files
	git -C "$1" add -A
}

# complain NAME WHAT [DETAILS]: a mutation that proves nothing.
complain() {
	printf '%-44s INVALID: %s\n' "$1" "$2"
	[[ -z ${3:-} ]] || tail -c 2000 <<<"$3"
	return 1
}

# baseline NAME CHECK SAYS: the check passes without the patch and does not say by
# itself what it is to say with the patch. It runs once, however many name it.
baseline() {
	local said seen
	seen=$work/$(cksum <<<"$2" | tr ' ' -)
	if [[ -f $seen ]]; then
		said=$(<"$seen")
	elif said=$(bash -c "$2" 2>&1); then
		printf '%s\n' "$said" >"$seen"
	else
		complain "$1" "its check fails without it" "$said"
		return
	fi
	if grep -q 'no tests to run' <<<"$said"; then
		complain "$1" "its check runs no test" "$said"
	elif grep -qF -e "$3" <<<"$said"; then
		complain "$1" "its check says \"$3\" without it" "$said"
	fi
}

# try DIR PATCH: one line into the report. It is called where set -e does nothing,
# so every step says what becomes of the rest when it fails.
try() {
	local dir=$1 name check says said status=0 started=$SECONDS
	cd "$dir" || return 1
	name=$(basename "$2" .patch) check=$(field check "$2") says=$(field says "$2")
	if [[ -z $check || -z $says ]]; then
		complain "$name" "it does not say what catches it, and with which words"
		return
	fi
	if [[ $check == *"$says"* ]]; then
		complain "$name" "\"$says\" is a part of the line of its check, which any failure may say"
		return
	fi
	baseline "$name" "$check" "$says" || return
	if ! said=$(git -C "$dir" apply "$2" 2>&1); then
		complain "$name" "it does not apply any more" "$said"
		return
	fi
	said=$(bash -c "$check" 2>&1) || status=$?
	git -C "$dir" checkout -q . && git -C "$dir" clean -qfd || return 1
	if ((status == 0)); then
		printf '%-44s SURVIVED %s\n' "$name" "$check"
		return 1
	fi
	if ! grep -qF -e "$says" <<<"$said"; then
		complain "$name" "\"$check\" failed without saying \"$says\"" "$said"
		return
	fi
	printf '%-44s caught: %s (%ss)\n' "$name" "$says" "$((SECONDS - started))"
}

# work_through WORKER: patches that the other has not taken, in a copy of its own.
work_through() {
	local dir=$work/$1 failed=0 i
	copy "$dir"
	for i in "${!patches[@]}"; do
		mkdir "$work/taken-$i" 2>/dev/null || continue
		(try "$dir" "${patches[i]}") || failed=1
	done
	return "$failed"
}

patches=("$root"/scripts/mutations/*.patch)
if (($#)); then patches=("${@/#/$root/scripts/mutations/}") && patches=("${patches[@]/%/.patch}"); fi

# Each worker is a process group, so that what its checks have started ends with it.
set -m
for worker in 0 1; do
	work_through "$worker" &
	workers+=($!)
done
set +m
failed=0
for pid in "${workers[@]}"; do wait "$pid" || failed=1; done
if ((failed)); then
	echo "not every mutation was caught" >&2
	exit 1
fi
echo "${#patches[@]} mutations, 0 survivors"
