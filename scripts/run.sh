#!/usr/bin/env bash
# Runs the server and, where Node is installed, the web app on port 3000 in
# front of it, until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! scripts/prerequisites.sh --has node; then
	echo "compiling; the server says where it listens, the API's pages are at /docs there (for the web app install Node)"
	exec go run ./cmd/techtreks serve
fi

# The server lets this origin in and no other, so the app cannot go elsewhere.
if (exec 3<>/dev/tcp/localhost/3000) 2>/dev/null; then
	echo "port 3000, where the web app is served, is taken; end what listens there, or run the server alone: go run ./cmd/techtreks serve" >&2
	exit 1
fi
scripts/npm-ci.sh web
echo "compiling; then: http://localhost:3000 the app, http://localhost:5001/docs the API, http://localhost:5001/dev/mail the mail"
web=
trap '[[ -z $web ]] || kill "$web" 2>/dev/null || true' EXIT
(cd web && exec node node_modules/vite/bin/vite.js --logLevel warn --clearScreen false) &
web=$!
go run ./cmd/techtreks serve
