#!/usr/bin/env bash
# Prints the Python that is used here: 3.11 or newer, and able to make a virtual
# environment (ensurepip is what Debian packs apart from it). The system's comes first.
# It is built with all optimizations; one from a version manager, which PATH may have
# before it, often is not, and takes noticeably longer for the same requests.
set -euo pipefail

for python in /usr/bin/python3 python3; do
	if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
		echo "$python"
		exit
	fi
done
echo "no Python 3.11 or newer with venv and ensurepip" >&2
exit 1
