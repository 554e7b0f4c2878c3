#!/usr/bin/env bash
# Prints the folder for what takes long to make and another checkout wants the same of. It
# stands with the caches of the user, as those of Go and npm do, and can be deleted at any time.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/techtreks-auth
mkdir -p "$cache"
echo "$cache"
