# Every task of this repository is a target. `make` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# The Go tools are pinned in a module of their own, because their dependencies clash with
# the server's. They need no C compiler, and sqlc compiles in half the time without one.
gotool := CGO_ENABLED=0 go tool -modfile=tools/go.mod

# With -trimpath, Go's build cache is shared by all checkouts on a machine.
export GOFLAGS := $(filter-out -trimpath,$(shell go env GOFLAGS 2>/dev/null)) -trimpath

# Redocly sends no usage statistics and does not look for a newer version.
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true

# $(call step,NEEDS) COMMAND runs one check. It is skipped where a tool that it needs is
# missing (the names are in scripts/prerequisites.sh), and fails there when CI=true.
step = @scripts/step.sh $@ "$1"

python = $(shell scripts/prerequisites.sh --python)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  \033[1m%-20s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Develop

.PHONY: run
run: web/node_modules/.installed ## Run the server, and with Node the web app, in development mode
	@scripts/run.sh

.PHONY: build
build: web ## Build bin/techtreks, a static binary that contains the web app
	$(call step) env CGO_ENABLED=0 go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/techtreks ./cmd/techtreks

.PHONY: web
web: web/node_modules/.installed ## Build the web app into web/dist (without Node: print a warning, do nothing)
	@if scripts/prerequisites.sh --has node; then \
		cd web && npm run --silent build -- --logLevel warn; \
	elif [[ $${CI:-} == true ]]; then \
		echo "the web app needs Node" >&2; exit 1; \
	else \
		echo "!!! WITHOUT THE WEB APP: it needs Node" >&2; \
	fi

.PHONY: generate
generate: tools/node_modules/.installed ## Regenerate gen/ from api/openapi.yaml, db/migrations and db/queries
	@scripts/generate.sh

.PHONY: contract-changes
contract-changes: ## Print the changes to the contract since its last release
	@scripts/contract.sh changes

.PHONY: release-contract
release-contract: ## Release api/openapi.yaml and update docs/contract-changelog.md (UNRELEASED=true: replace the first release)
	@scripts/contract.sh release

.PHONY: client-package
client-package: tools/node_modules/.installed ## Pack the TypeScript client as an npm package into bin/
	@scripts/client-package.sh

.PHONY: screenshots
screenshots: build ## Take the screenshots in docs/screenshots
	@SCREENSHOTS=docs/screenshots scripts/test-web.sh

.PHONY: clean
clean: ## Delete everything that was built or downloaded (never instance/, which holds data)
	rm -rf bin .cache tools/node_modules scripts/generators/node_modules web/node_modules \
		web/dist/assets web/dist/index.html web/dist/icon.svg

##@ Test

CHECKS := tree check-mutations modules check-generated contract-breaking build test-go check-conformance \
	lint-go lint-spec lint-web test-client test-client-package test-web

# The steps of one quoted list run two at a time; none of them uses a fixed port. The next list
# starts when they have all finished. Fuzzing from the contract is in a list of its own, because its
# load would disturb the Go tests that measure time, and it must run even if those tests fail.
.PHONY: test
test: ## Run every check of a change, on both databases, and print a table of results (about half an hour)
	@scripts/test.sh "prerequisites" "-j2 $(CHECKS)" "test-fuzz"

NIGHTLY := contract-rules generators mutate fuzz-server fuzz-go torture million timing

# One at a time: torture, million and timing measure time.
.PHONY: nightly
nightly: ## Run what takes hours: mutations, long fuzzing, load, timing, other generators
	@scripts/test.sh "prerequisites" "$(NIGHTLY)"

.PHONY: prerequisites
prerequisites: ## Check that the tools are installed; as root on Debian, install the missing ones
	$(call step) scripts/prerequisites.sh

# A pattern that matches no test passes in Go, so the names in this file are checked as well.
.PHONY: tree
tree: ## Check tracked files: no local paths or keys, no file over 400 lines, scripts that parse
	$(call step) scripts/check-tree.sh $(subst |, ,$(TORTURE)) $(FUZZ_TEST) Timing Million

.PHONY: modules
modules: ## Check that go.mod and go.sum are tidy and match the downloaded modules
	$(call step) bash -ec 'for dir in . tools; do go -C $$dir mod tidy -diff; go -C $$dir mod verify; done'

.PHONY: check-generated
check-generated: tools/node_modules/.installed ## Fail if gen/ differs from what `make generate` writes
	$(call step) scripts/generate.sh --check

.PHONY: contract-breaking
contract-breaking: ## Fail if api/openapi.yaml breaks clients of the released contract
	$(call step) scripts/contract.sh breaking

.PHONY: lint
lint: lint-go lint-spec lint-web ## Run all linters

# Generated code is read by vet only. Without cgo, vet reuses what the build has compiled.
.PHONY: lint-go
lint-go: web ## Run gofmt, go vet and staticcheck
	$(call step) bash -euo pipefail -c ' \
		unformatted=$$(find . -name "*.go" -not -path "*/node_modules/*" -exec gofmt -s -l {} +); \
		[[ -z $$unformatted ]] || { echo "not formatted (gofmt -s -w):" $$unformatted >&2; exit 1; }; \
		CGO_ENABLED=0 go vet ./...; \
		$(gotool) staticcheck $$(go list ./... | grep -v /gen/)'

.PHONY: lint-spec
lint-spec: tools/node_modules/.installed ## Lint api/openapi.yaml with Redocly
	$(call step,node) tools/node_modules/.bin/redocly lint --config redocly.yaml api/openapi.yaml

.PHONY: lint-web
lint-web: web/node_modules/.installed ## Lint web/ and check its format (`npm run format` in web/ formats it)
	$(call step,node) npm --prefix web run --silent lint

# The race detector skips the C of SQLite, which was translated to Go and is slow under it. checkptr is
# off because only that code and other dependencies use unsafe pointers. The flags for one package
# replace those for all, so it is repeated. GOGC=400 trades memory for time.
race = -race -gcflags=all=-d=checkptr=0 $(foreach package,modernc.org/sqlite/lib modernc.org/libc modernc.org/memory, \
	'-gcflags=$(package)=-race=false -d=checkptr=0')
notes := .cache/conformance

.PHONY: test-go
test-go: web ## Run the Go tests with the race detector (without a C compiler or PostgreSQL: without them)
	@rm -rf $(notes) && mkdir -p $(notes)
	@scripts/prerequisites.sh --has cc || echo "!!! WITHOUT THE RACE DETECTOR: it needs a C compiler" >&2
	@scripts/prerequisites.sh --has postgres || echo "!!! ON SQLITE ONLY: the subtests on PostgreSQL are skipped" >&2
	$(call step) env CONFORMANCE_NOTES=$(CURDIR)/$(notes) go test -count=1 -timeout 60m -vet=off -ldflags=-w \
		-exec 'env GOGC=400' $(if $(shell scripts/prerequisites.sh --has cc && echo yes),$(race)) ./...

.PHONY: check-conformance
check-conformance: test-go ## Fail if the Go tests have not seen every response, example and audit event of the contract, or docs/conformance.md is stale
	$(call step,postgres) go run ./internal/contract/conformance $(notes)

.PHONY: conformance
conformance: ## Run the Go tests and write docs/conformance.md
	@rm -rf $(notes) && mkdir -p $(notes)
	CONFORMANCE_NOTES=$(CURDIR)/$(notes) go test -count=1 -timeout 30m -skip '^TestReport_MatchesContract$$' ./...
	go run ./internal/contract/conformance -write $(notes)

.PHONY: test-client
test-client: tools/node_modules/.installed ## Test the types of the TypeScript client
	$(call step,node) scripts/test-client.sh

.PHONY: test-client-package
test-client-package: build tools/node_modules/.installed ## Test the npm package of the TypeScript client against the server
	$(call step,node) scripts/test-client-package.sh

.PHONY: test-web
test-web: build ## Test the web app: types, units, and every page in a browser (TESTS=flows: one file of the browser tests)
	$(call step,node chromium) scripts/test-web.sh

# Requests for each database. They include the fixed ones of every run: examples and schema edges.
FUZZ_TEST := FuzzFromTheContract

.PHONY: test-fuzz
test-fuzz: .cache/fuzz/.installed ## Fuzz the server from its contract (FUZZ_REQUESTS=2000 for each database, FUZZ_SEED=1)
	$(call step,python) env FUZZ_REQUESTS=$(or $(FUZZ_REQUESTS),2000) scripts/fuzz.sh -v

##@ Test the checks, and measure (nightly)

.PHONY: contract-rules
contract-rules: ## Test the comparison and the release of contracts on small examples
	$(call step) scripts/contract-prove.sh

.PHONY: generators
generators: tools/node_modules/.installed scripts/generators/node_modules/.installed .cache/generators/.installed ## Check that six OpenAPI tools accept the contract
	$(call step) scripts/generators.sh

.PHONY: mutate
mutate: ## Break the product on purpose, in copies, and check that a test notices each mutation (about an hour)
	$(call step,python) $(python) scripts/mutate.py

.PHONY: check-mutations
check-mutations: ## Check that every mutation fits the tree and names a test that exists
	$(call step,python) $(python) scripts/mutate.py --check

.PHONY: fuzz
fuzz: fuzz-server fuzz-go ## Fuzz the server and every parser for a long time

.PHONY: fuzz-server
fuzz-server: .cache/fuzz/.installed ## Fuzz the server from its contract (FUZZ_REQUESTS=200000 for each database, FUZZ_SEED=1)
	$(call step,python) env FUZZ_REQUESTS=$(or $(FUZZ_REQUESTS),200000) scripts/fuzz.sh -v

.PHONY: fuzz-go
fuzz-go: ## Run every Go fuzz target (FUZZ_TIME=5m each)
	$(call step) env FUZZ_TIME=$(or $(FUZZ_TIME),5m) scripts/fuzz-go.sh

# Rounds of killing the server, and of starting ten at once on an empty database.
KILL_ROUNDS ?= 40
RACE_ROUNDS ?= 20
RUBBISH_REQUESTS ?= 50000
# Connections that send or read a byte a second. Each costs one process two open files.
SLOW_CLIENTS ?= 2000
# Seconds for which 50 writers write without a pause.
WRITE_SECONDS ?= 300
TORTURE := Kill|AtOnce|Rubbish|WritersDoNotFail|SlowCrowds|BombsCost

.PHONY: torture
torture: ## Kill, race, crowd and flood the server; needs a quiet machine (KILL_ROUNDS=40 RACE_ROUNDS=20 RUBBISH_REQUESTS=50000 SLOW_CLIENTS=2000 WRITE_SECONDS=300)
	$(call step) env IN_EARNEST=true KILL_ROUNDS=$(KILL_ROUNDS) RACE_ROUNDS=$(RACE_ROUNDS) DB_TEST_ROUNDS=$(RACE_ROUNDS) \
		RUBBISH_REQUESTS=$(RUBBISH_REQUESTS) WRITE_SECONDS=$(WRITE_SECONDS) SLOW_CLIENTS=$(SLOW_CLIENTS) \
		go test -count=1 -v -p 1 -timeout 60m -run '$(TORTURE)' ./...

.PHONY: bench
bench: ## Run the benchmarks
	go test -run '^$$' -bench . -skip '(Timing|Million)$$' -benchmem -timeout 20m ./...

.PHONY: million
million: ## Measure lists, logins and sweeps with a million accounts and events (five minutes, 1 GB of disk)
	$(call step) go test -run '^$$' -bench 'Million$$' -benchtime 500x -timeout 20m ./...

.PHONY: timing
timing: ## Measure whether response times reveal which accounts exist; needs a quiet machine
	$(call step) go test -run '^$$' -bench 'Timing$$' -benchtime 1x -timeout 30m ./...

# ---- what npm and pip install ------------------------------------------------
# The stamp is a copy of the lock file. Without Node or Python nothing is installed, and the checks
# that need them are skipped.

%/node_modules/.installed: %/package-lock.json
	@scripts/prerequisites.sh --has node || exit 0; \
	cmp -s $< $@ || { npm --prefix $* ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp $< $@; }; \
	touch $@

.cache/%/.installed: scripts/%/requirements.txt
	@python=$$(scripts/prerequisites.sh --python) || exit 0; \
	cmp -s $< $@ || { rm -rf $(@D) && $$python -m venv $(@D) && \
		$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $< && cp $< $@; }; \
	touch $@
