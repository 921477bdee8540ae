# Everything that can be built, checked and measured here. `make test` is what
# continuous integration runs (.ci/run); each of its parts is a target of its
# own. Needs Go, Node 20 with npm, and make; the rest is installed on the way,
# by scripts/deps.sh and the package managers of Go and Node.

SHELL := bash
.DEFAULT_GOAL := help

# Binaries that are run here carry no commit, so that a checkout owned by
# somebody else (a container's mount) builds too. `make build` stamps its own.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

CACHE := $(CURDIR)/.cache
# Vetting is lint-go's work, and who debugs a test builds it again.
PLAIN := -shuffle=on -timeout=4m -vet=off -ldflags='-s -w'
RACE := -race $(PLAIN)

# Packages below internal/ that are tested without the race detector as well. The
# table of conformance is whole there only.
ENGINE := conformance frame hub lab transport wire transcript/plays

# Programs that tests start; see scripts/deps.sh.
NEEDS := cc redis chromium nginx haproxy shellcheck

# Platforms that the library promises to compile for.
comma := ,
CROSS := linux/amd64 linux/arm64 linux/386 darwin/arm64 windows/amd64 freebsd/amd64

# Tools. Their versions are pinned in tools/go.mod; the linter's file name holds
# what it was built from, so that a new version or a new Go builds a new one.
LINT_VERSION := $(shell awk '$$1 ~ "/golangci-lint/v2$$" { print $$2 }' tools/go.mod)
GOLANGCI := $(CACHE)/bin/golangci-lint-$(LINT_VERSION)-$(shell go env GOVERSION)

# The folders below are named, not searched for: one that is missing is an error,
# and so is one that is not named here (make lint-dirs).

# Modules beside the main one: what they import is nobody's dependency. That of
# the tools has nothing to test.
EXAMPLES := examples
BENCH := bench

# Folders whose package.json has the scripts lint and test, and perhaps check.
NODE := client/js playground

# Node packages that tests start: the original, and Bun.
PEER_DIRS := interop/peer
PEERS := $(PEER_DIRS:%=%/node_modules/.package-lock.json)

# The parts of `make test`, those that are over at once first, then the longest.
# Two at once, because tests wait more than they compute and the linter's first
# build does the opposite.
PARTS := lint-dirs lint-sh lint-npm test-go lint-go node cross lint-mod test-plain examples bench-check test-chaos fuzz-short
JOBS := 2
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

##@ Every day

.PHONY: help
help: ## what there is
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/hearth
	go build -buildvcs=auto -trimpath -o bin/hearth ./cmd/hearth

.PHONY: run
run: build ## a server with the demo page
	bin/hearth serve --demo

# All of it builds without debug information, and with the same flags, so that what
# is built for one is built for all.
test flakes: export GOFLAGS += -gcflags=all=-dwarf=false

.PHONY: test
test: ## everything that must pass before a change lands
	@scripts/deps.sh $(NEEDS)
	@$(MAKE) --no-print-directory $(PEERS)
	@$(MAKE) --no-print-directory --jobs=$(JOBS) $(SYNC) READY=1 $(PARTS)
	@echo "ok  make test"

.PHONY: lint
lint: lint-dirs lint-sh lint-npm lint-mod lint-go ## all linters but those of the Node folders

.PHONY: fmt
fmt: ## format Go code
	$(MAKE) --no-print-directory golangci ARGS=fmt

.PHONY: clean
clean: ## remove what was built, and the caches in this folder
	rm -rf bin .cache client/js/dist

##@ Parts of make test

.PHONY: deps
deps: ## install missing programs (Debian)
	scripts/deps.sh $(NEEDS)

deps-%:
	@scripts/deps.sh $*

# What a target needs, unless READY says that all of it is there: with something
# to wait for, it would start after those that have nothing.
needs = $(if $(READY),,$(1))

.PHONY: test-go
test-go: $(call needs,deps-cc deps-redis deps-nginx deps-haproxy deps-chromium $(PEERS)) ## Go tests under the race detector
	go test $(RACE) $$(go list ./... | grep -v /internal/chaos)

.PHONY: test-plain
test-plain: ## the engine's tests without it: raw system calls, allocations, nonces, 500 simulated clusters, 15,000 clients
	go test $(PLAIN) . ./seal $(ENGINE:%=./internal/%)
	go test $(PLAIN) ./internal/sim -run='^Test(Seeds|PlantedBugs)$$' -sim.seeds=500

# Faults are waited for more than they are computed, so it runs beside others.
.PHONY: test-chaos
test-chaos: $(call needs,deps-cc deps-redis) ## faults: killed, frozen and cut off servers
	go test $(RACE) ./internal/chaos

.PHONY: fuzz-short
fuzz-short: ## each fuzz target for 2 seconds, on the binaries of test-plain
	FUZZTIME=2s GUIDED=no scripts/fuzz.sh

.PHONY: cross
cross: $(CACHE)/bin/crosscheck ## type-check and vet code and tests for every platform that lint-go does not
	$< -platforms $(subst $() ,$(comma),$(filter-out linux/amd64,$(CROSS))) ./...

.PHONY: lint-go
lint-go: ## golangci-lint, formatting included, over all modules
	$(MAKE) --no-print-directory golangci ARGS=run

.PHONY: lint-mod
lint-mod: ## go.mod and go.sum say what the code imports
	@set -e; for module in . $(EXAMPLES) $(BENCH); do \
	  echo "go mod tidy -diff ($$module)"; (cd $$module && go mod tidy -diff); \
	done

.PHONY: lint-dirs
lint-dirs: ## this file names every module and Node folder that there is
	@diff -u --label 'the Makefile names' <(printf '%s\n' . tools $(EXAMPLES) $(BENCH) $(NODE) $(PEER_DIRS) | sort) \
	  --label 'there are' <(find . \( -name node_modules -o -name .cache -o -name dist \) -prune -o \
	    \( -name go.mod -o -name package.json \) -exec dirname {} \; | sed 's,^\./,,' | sort)

.PHONY: lint-sh
lint-sh: $(call needs,deps-shellcheck) ## shell scripts
	shellcheck scripts/*.sh .ci/run

.PHONY: lint-npm
lint-npm: ## lock files name no registry
	scripts/lint-npm.sh

.PHONY: node
node: $(NODE) ## every Node folder: lint and tests

.PHONY: $(NODE)
$(NODE): %: %/node_modules/.package-lock.json $(call needs,deps-chromium deps-redis $(PEERS))
	cd $@ && npm run lint && npm run check --if-present && npm test

.PHONY: client-js
client-js: client/js ## the TypeScript client: lint and tests

.PHONY: interop
interop: deps-cc deps-redis deps-chromium $(PEERS) ## other implementations against this one
	go test $(RACE) ./interop/...

.PHONY: interop-deps
interop-deps: $(PEERS) ## what the other implementations need

.PHONY: examples
examples: ## every example builds and passes its tests
	@set -e; for module in $(EXAMPLES); do (cd $$module && go test $(RACE) ./...); done

.PHONY: bench-check
bench-check: ## the benchmark module builds and passes its tests
	@set -e; for module in $(BENCH); do (cd $$module && go test $(PLAIN) ./...); done

##@ Now and then

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (5m)
	FUZZTIME=$(or $(FUZZTIME),5m) scripts/fuzz.sh

.PHONY: conformance
conformance: ## every case of RFC 6455 and 7692 in full, and write docs/conformance.md
	go test -count=1 ./internal/conformance -update

.PHONY: interop-long
interop-long: deps-redis $(PEERS) ## the random tests of interop, with STEPS (20000) steps and values
	go test -count=1 -timeout=1h ./interop/... -run='Random|Values' -interop.steps=$(or $(STEPS),20000)

# Nothing of it comes from the cache: go test keeps no result of a shuffled run.
.PHONY: flakes
flakes: deps $(PEERS) ## the tests of Go and Node ROUNDS (20) times, shuffled anew each time
	@failed=; for round in $$(seq $(or $(ROUNDS),20)); do \
	  echo "=== ROUND $$round"; \
	  $(MAKE) --no-print-directory --jobs=$(JOBS) --keep-going $(SYNC) READY=1 $(filter test-% node examples bench-check,$(PARTS)) || failed+=" $$round"; \
	done; \
	[[ -z $$failed ]] || { echo "failed: rounds$$failed" >&2; exit 1; }; \
	echo "ok  make flakes"

.PHONY: sim
sim: ## SEEDS (5000) whole clusters under virtual time, from FIRST (1) on
	go test -count=1 -timeout=0 ./internal/sim -run='^TestSeeds$$' -sim.first=$(or $(FIRST),1) -sim.seeds=$(or $(SEEDS),5000)

.PHONY: soak
soak: ## clients come and go for DURATION (10m), and at least CYCLES of them
	go test -count=1 -timeout=0 ./internal/soak -v -run='^TestSoak$$' \
	  -soak.duration=$(or $(DURATION),10m) -soak.cycles=$(or $(CYCLES),0)

# Those of which the times are asserted run alone.
.PHONY: chaos
chaos: deps-redis ## faults at full length, ROUNDS (3) times, then mixed over DELIVERIES (100000000)
	go test -count=1 -v -timeout=6h ./internal/chaos -skip='G5|F11|Mixed' -chaos.long -chaos.rounds=$(or $(ROUNDS),3) -chaos.seed=$(or $(SEED),0)
	set -e; for name in G5 F11 Mixed; do \
	  go test -count=1 -v -timeout=6h ./internal/chaos -run=$$name -chaos.long -chaos.seed=$(or $(SEED),0) -chaos.deliveries=$(or $(DELIVERIES),100000000); \
	done

.PHONY: pauses
pauses: ## on a quiet machine: a fan-out keeps the garbage collector waiting for at most 2 ms at p99
	go test -count=5 -v ./internal/transport -run=TestPauses -transport.quiet

.PHONY: bench
bench: ## Go benchmarks
	go test -run='^$$' -bench=. -benchmem ./...

.PHONY: bench-compare
bench-compare: deps-redis interop-deps ## measure beside other servers, and write bench/RESULTS.md
	cd bench && go run ./compare

.PHONY: cross-build
cross-build: ## compile for every platform, as a release does
	@set -e; for platform in $(CROSS); do \
	  echo "go build $$platform"; \
	  CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go build ./...; \
	done

.PHONY: golangci
golangci: $(GOLANGCI)
	@set -e; for module in . tools $(EXAMPLES) $(BENCH); do \
	  echo "golangci-lint $(ARGS) ($$module)"; \
	  (cd $$module && GOLANGCI_LINT_CACHE=$(CACHE)/golangci-lint $(GOLANGCI) $(ARGS) ./...); \
	done

# A cold build takes minutes of processor time: few collections, and tests that run
# meanwhile go first.
$(GOLANGCI):
	cd tools && GOGC=400 nice go build -o $@ -ldflags='-s -w' github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(CACHE)/bin/crosscheck: tools/crosscheck/main.go tools/crosscheck/vet.go tools/go.mod
	cd tools && go build -o $@ ./crosscheck

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@
