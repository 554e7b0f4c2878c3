#!/usr/bin/env bash
# Writes internal/password/common-passwords.txt.gz from the list that Django ships for the
# same purpose (BSD-3-Clause; the licence is stored next to it). To update the list: change
# the version, run this script, read the difference, run the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

version=5.2.8
into=$PWD/internal/password

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "Django==$version"
cd "$work"
unzip -q ./*.whl

# Sorted, so that two versions can be compared. Without a name and time, so that the same list
# gives the same file.
gzip --decompress --stdout django/contrib/auth/common-passwords.txt.gz | LC_ALL=C sort --unique >list
gzip --best --no-name --stdout list >"$into/common-passwords.txt.gz"
cp "django-$version.dist-info/licenses/LICENSE" "$into/common-passwords.LICENSE"
echo "$(wc -l <list) passwords from Django $version"
