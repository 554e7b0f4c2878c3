# Everything that is done to this repository is a target here; `make` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REDOCLY := tools/node_modules/.bin/redocly

# The Go tools are pinned in a module of their own: in the product's module their
# dependencies would clash with the server's. Without cgo sqlc compiles in half
# the time and needs no C compiler.
gotool := CGO_ENABLED=0 go tool -modfile=tools/go.mod

# Nothing that is compiled or checked depends on the folder it lies in: a fresh clone finds in
# the caches what another one has left there. (A complaint of staticcheck that is found there
# names the file in that other one.)
export GOFLAGS := $(filter-out -trimpath,$(shell go env GOFLAGS 2>/dev/null)) -trimpath

# Redocly asks nobody anything: no usage statistics, no look for a newer version.
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run the server, and the web app where Node is installed, with development settings (the first start compiles for a minute)
	@scripts/run.sh

.PHONY: build
build: web ## Build bin/techtreks, one static file, with the web app in it where Node is installed
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/techtreks ./cmd/techtreks

.PHONY: web
web: ## Build the web app into web/dist (without Node: say so, and go on without it)
	@if scripts/prerequisites.sh --has node; then \
		scripts/npm-ci.sh web && cd web && npm run --silent build -- --logLevel warn; \
	elif [[ $${CI:-} == true ]]; then \
		echo "the web app needs Node" >&2; exit 1; \
	else \
		echo "!!! WITHOUT THE WEB APP: it needs Node" >&2; \
	fi

.PHONY: test-web
test-web: build ## Test the web app: types, units, and every page in a real browser (needs Node and Chromium)
	@scripts/test-web.sh

.PHONY: screenshots
screenshots: build ## Take the pictures in docs/screenshots anew (needs Node and Chromium)
	@SCREENSHOTS=docs/screenshots scripts/test-web.sh

.PHONY: generate
generate: ## Regenerate gen/ from api/openapi.yaml, db/migrations and db/queries
	@scripts/generate.sh

.PHONY: check-generated
check-generated: ## Fail if gen/ is not what `make generate` would write, and show the difference
	@scripts/generate.sh --check

.PHONY: lint
lint: lint-go lint-spec lint-web ## Check the Go code, the contract and the web app

# Without cgo vet finds compiled what the build has compiled; no file here depends on it.
.PHONY: lint-go
lint-go: ## gofmt, go vet, staticcheck (generated code is not ours to style: vet alone reads it)
	@unformatted=$$(find . -name '*.go' -not -path '*/node_modules/*' -exec gofmt -s -l {} +); \
	if [[ -n $$unformatted ]]; then echo "not formatted (gofmt -s -w):" $$unformatted; exit 1; fi
	CGO_ENABLED=0 go vet ./...
	$(gotool) staticcheck $$(go list ./... | grep -v /gen/)

.PHONY: lint-spec
lint-spec: ## Lint api/openapi.yaml (needs Node)
	@scripts/npm-ci.sh tools
	@$(REDOCLY) lint --config redocly.yaml api/openapi.yaml

.PHONY: lint-web
lint-web: ## Lint and check the format of web/ (needs Node; npm run format in web/ formats)
	@scripts/npm-ci.sh web
	@cd web && npm run --silent lint

.PHONY: client-package
client-package: ## Pack the TypeScript client as an npm package, into bin/ (needs Node)
	@scripts/client-package.sh

.PHONY: test-client
test-client: build ## Test the TypeScript client: its types, and its package against the program (needs Node)
	@scripts/test-client.sh
	@scripts/test-client-package.sh

.PHONY: generators
generators: ## Show the contract to the tools that read such documents; none may complain
	@scripts/generators.sh

.PHONY: contract-breaking
contract-breaking: ## Fail if api/openapi.yaml breaks clients of the released contract without a new major version
	@scripts/contract.sh breaking

.PHONY: contract-changes
contract-changes: ## What has changed in the contract since its release
	@scripts/contract.sh changes

.PHONY: release-contract
release-contract: ## Make api/openapi.yaml the released contract and write docs/contract-changelog.md (UNRELEASED=true: the very first version again)
	@scripts/contract.sh release

.PHONY: test
test: ## Everything: prerequisites, generated code, linters, build, every test on both databases
	@scripts/test.sh

.PHONY: conformance
conformance: ## Run the tests of the API and write docs/conformance.md: every answer and example of the contract, each seen by a test on both databases
	@notes=$$(mktemp -d); trap 'rm -rf "$$notes"' EXIT; \
	CONFORMANCE_NOTES=$$notes go test -count=1 -timeout 20m ./internal/server ./cmd/... && \
	go run ./internal/contract/conformance -write "$$notes"

.PHONY: bench
bench: ## Benchmarks: session check, login, a refused login, and the bare gin handler they are compared with
	go test -run '^$$' -bench . -skip '(Timing|Million)$$' -benchmem -timeout 20m ./...

.PHONY: million
million: ## What lists, logins and sweeps cost with a million accounts and a million events, on both databases (five minutes, 1 GB of disk)
	go test -run '^$$' -bench 'Million$$' -benchtime 500x -timeout 20m ./internal/accounts ./internal/audit

.PHONY: timing
timing: ## Whether the time of an answer to a login, a reset or a registration tells who has an account (a few minutes; run it on a quiet machine)
	go test ./internal/server -run '^$$' -bench 'Timing$$' -benchtime 1x -timeout 30m

# Rounds of killing the server, and of starting ten at once on an empty database.
KILL_ROUNDS ?= 40
RACE_ROUNDS ?= 20
RUBBISH_REQUESTS ?= 50000
# Connections that do everything a byte a second; each is two open files of one process.
SLOW_CLIENTS ?= 2000
# 50 writers write for so long, without a pause.
WRITE_SECONDS ?= 300

.PHONY: torture
torture: ## Killing, racing starts, fifty writers, slow crowds, bombs and rubbish requests in earnest, on a quiet machine (KILL_ROUNDS=40 RACE_ROUNDS=20 RUBBISH_REQUESTS=50000 for each database)
	IN_EARNEST=true KILL_ROUNDS=$(KILL_ROUNDS) RACE_ROUNDS=$(RACE_ROUNDS) DB_TEST_ROUNDS=$(RACE_ROUNDS) RUBBISH_REQUESTS=$(RUBBISH_REQUESTS) WRITE_SECONDS=$(WRITE_SECONDS) SLOW_CLIENTS=$(SLOW_CLIENTS) \
		go test -count=1 -v -timeout 60m -run 'Kill|AtOnce|Rubbish|WritersDoNotFail|SlowCrowds|BombsCost' ./db/... ./cmd/... ./internal/server/...

# Requests to each database.
FUZZ_REQUESTS ?= 200000

.PHONY: fuzz
fuzz: ## Fuzz the server from its contract, and every parser, in earnest (FUZZ_REQUESTS=200000 for each database, FUZZ_SEED=1)
	FUZZ_REQUESTS=$(FUZZ_REQUESTS) scripts/fuzz.sh -v
	FUZZ_TIME=5m scripts/fuzz-go.sh

.PHONY: mutate
mutate: ## Break the product in ways the checks must notice, each in a copy (half an hour to three quarters)
	@"$$(scripts/python.sh)" scripts/mutate.py

.PHONY: check-mutations
check-mutations: ## Whether every mutation still fits the tree and names a test that exists (seconds)
	@"$$(scripts/python.sh)" scripts/mutate.py --check

.PHONY: clean
clean: ## Remove what was built or downloaded here (never instance/, which holds data)
	rm -rf bin tools/node_modules web/node_modules web/dist/assets web/dist/index.html web/dist/icon.svg
