#!/usr/bin/env bash
# Runs the server and, if Node is installed, the development server of the web app on
# port 3000, until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! scripts/prerequisites.sh --has node; then
	echo "compiling; then the API is at http://localhost:5001/docs (install Node to get the web app)"
	exec go run ./cmd/techtreks serve
fi

# The port is fixed, because the server allows requests from this origin only.
if (exec 3<>/dev/tcp/localhost/3000) 2>/dev/null; then
	echo "port 3000, which the web app needs, is in use; stop the program that listens there, or run only the server: go run ./cmd/techtreks serve" >&2
	exit 1
fi
echo "compiling; then: http://localhost:3000 the app, http://localhost:5001/docs the API, http://localhost:5001/dev/mail the mail"
web=
trap '[[ -z $web ]] || kill "$web" 2>/dev/null || true' EXIT
(cd web && exec node node_modules/vite/bin/vite.js --logLevel warn --clearScreen false) &
web=$!
go run ./cmd/techtreks serve
