#!/usr/bin/env bash
# Runs one check and appends its name, result and seconds to the file in STEPS:
#   step.sh NAME "TOOL..." COMMAND...
set -euo pipefail
cd "$(dirname "$0")/.."

result=ok status=0
for tool in $2; do
	if ! scripts/prerequisites.sh --has "$tool"; then
		echo "!!! $1 SKIPPED: it needs $tool" >&2
		result=SKIPPED
		[[ ${CI:-} != true ]] || result=FAILED status=1
	fi
done
if [[ $result == ok ]]; then
	echo "=== $1"
	"${@:3}" || { status=$? && result=FAILED; }
fi
echo "$1 $result $SECONDS" >>"${STEPS:-/dev/null}"
exit "$status"
