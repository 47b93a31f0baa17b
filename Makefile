# Everything that is built, checked or generated here. `make` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

TOOLS := $(CURDIR)/internal/tools

# Go tools run at the versions that internal/tools/go.mod pins, apart from the
# library's own dependencies. Go builds each once and keeps the executable in its
# cache (50 ms a run from then on), so that nothing has to be installed. With -n it
# prints the executable: -modfile cannot be used in a workspace.
GO_TOOL := go tool -modfile=$(TOOLS)/go.mod

# buf comes from npm. What npm writes last says when it was installed.
BUF := $(TOOLS)/node_modules/.bin/buf
BUF_INSTALLED := $(TOOLS)/node_modules/.package-lock.json

# The root module and the nested ones, except the tools, which have no code.
MODULES = $(filter-out internal/tools,$(patsubst %/,%,$(dir $(shell git ls-files -co --exclude-standard '*go.mod'))))

# A nested module with a nested.work is published: it has a version of its own, and
# a go.mod without replace. Go commands in it run in that workspace. vet, staticcheck
# and test share what one `-race -trimpath` compiles, and so do the builds of
# internal/citest, since with -trimpath it does not matter where a module cache is.
IN_WORKSPACE := if [[ -f nested.work ]]; then \
	export GOWORK=$$PWD/nested.work GOFLAGS="$$(go env GOFLAGS) -race -trimpath"; fi

# The pages are TypeScript that web/package.json bundles to where Go embeds them:
# the bundles are committed, so that running and testing takes Go alone.
WEB_INSTALLED := web/node_modules/.package-lock.json

# Where buf.gen.yaml puts code. doc.go is written by hand, since protoc-gen-go
# makes no package comment.
GENERATED := internal/gen internal/genv2 corsrpc/corsrpcv1 corsrpc/corspolicyv1 web/gen internal/library/gen
BY_HAND := doc.go

# The demo shop as a file, for modules that cannot import its code.
SHOP_IMAGE := corsrpc/corscaddy/testdata/shop.binpb
BUILD_SHOP_IMAGE = $(BUF) build --path proto/acme/shop/v1 --as-file-descriptor-set --exclude-source-info -o

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: generate
generate: $(BUF_INSTALLED) $(WEB_INSTALLED) ## Format proto/ and remake all that is generated: code and the bundles of pages
	$(BUF) format --write
	$(BUF) lint
	find $(GENERATED) \( -type f ! -name $(BY_HAND) -o -type d -empty \) -delete
	$(BUF) generate
	$(BUF) generate --template buf.gen.library.yaml
	$(BUF) generate --template buf.gen.policy.yaml
	$(BUILD_SHOP_IMAGE) $(SHOP_IMAGE)
	cd web && npm run --silent check && npm run --silent bundle -- --outdir=.. && npm run --silent bundle-server -- --outdir=..

# Into a directory of its own: the working tree may hold other changes, and files
# whose proto file is gone must be found too.
.PHONY: generate-check
generate-check: $(BUF_INSTALLED) $(WEB_INSTALLED) ## Prove that proto/ and web/ are clean and what is generated is fresh
	$(BUF) lint
	@$(BUF) format --diff --exit-code || { echo "proto/ is not formatted: run \`make generate\`" >&2; exit 1; }
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(BUF) generate --output "$$fresh"; \
	$(BUF) generate --template buf.gen.library.yaml --output "$$fresh"; \
	$(BUF) generate --template buf.gen.policy.yaml --output "$$fresh"; \
	for dir in $(GENERATED); do \
		diff --recursive --exclude=$(BY_HAND) "$$dir" "$$fresh/$$dir" || { \
			echo "$$dir is not what proto/ and buf.gen.yaml make: run \`make generate\` and commit the result" >&2; exit 1; }; \
	done; \
	$(BUILD_SHOP_IMAGE) "$$fresh/shop.binpb"; \
	cmp $(SHOP_IMAGE) "$$fresh/shop.binpb" || { \
		echo "$(SHOP_IMAGE) is not what proto/ makes: run \`make generate\` and commit the result" >&2; exit 1; }; \
	(cd web && npm run --silent check && npm run --silent bundle -- --outdir="$$fresh" && npm run --silent bundle-server -- --outdir="$$fresh"); \
	for bundle in $$(cd "$$fresh" && find . -name '*.js' -printf '%P\n'); do \
		cmp "$$bundle" "$$fresh/$$bundle" || { \
			echo "$$bundle is not what web/ makes: run \`make generate\` and commit the result" >&2; exit 1; }; \
	done

# The pictures look as intended where the fonts Inter and JetBrains Mono are
# installed.
.PHONY: demo-picture
demo-picture: ## Take the README's pictures of the demo and its debug page with Chromium
	go test ./examples/demo -count=1 -run '^TestPicture$$' -args -pictures $(CURDIR)/docs
	for picture in docs/{demo,debug}{,-dark}.png; do \
		convert "$$picture" -strip +dither -colors 128 -define png:compression-level=9 "png8:$$picture"; done

BROWSERS := internal/browsers
BROWSERTEST := internal/browsertest

.PHONY: browsers-install
browsers-install: ## Install the browsers from Debian, as root, and say which there are
	@$(BROWSERS)/install.sh
	@go run ./$(BROWSERS)/engines

.PHONY: proxies-install
proxies-install: ## Install nginx, HAProxy and Apache from Debian, as root, and say what is left out without them
	@internal/proxies/install.sh

# The matrix that is committed is what this replaces, so it is not looked at.
.PHONY: browsers
browsers: export CORSRPC_REQUIRE_BROWSERS = 1
browsers: browsers-install ## Run the tests in all browsers; print and write the matrix (two minutes)
	cd $(BROWSERTEST) && go test -count=1 -skip '^(TestMatrixIsOfTheseTests|TestDocumentIsMadeFromTheMatrix)$$' . -matrix=matrix.json
	cd $(BROWSERTEST) && go run ./table

.PHONY: lint
lint: ## Run gofmt, go vet and staticcheck in every module; go vet for Windows and macOS
	@unformatted=$$(git ls-files -co --exclude-standard -z '*.go' | xargs -0 gofmt -l); \
	if [[ -n $$unformatted ]]; then printf 'not formatted, run gofmt -w on:\n%s\n' "$$unformatted" >&2; exit 1; fi
	@staticcheck=$$($(GO_TOOL) -n staticcheck); \
	for module in $(MODULES); do \
		echo "lint $$module"; \
		(cd "$$module"; $(IN_WORKSPACE); go vet ./... && "$$staticcheck" ./...); \
	done
	@for os in windows darwin; do echo "vet for $$os"; GOOS=$$os CGO_ENABLED=0 go vet ./...; done

.PHONY: tidy
tidy: ## Run `go mod tidy` in the published nested modules, which require a root module that has no tag yet
	cd internal/citest && go run ./tidy $(CURDIR)

.PHONY: test
test: lint ## Run everything: lint, freshness of generated files, all tests with -race
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory generate-check; \
	elif [[ -n $${CORSRPC_REQUIRE_NPM:-} ]]; then echo "npm is missing: install Node.js" >&2; exit 1; \
	else echo "LEFT OUT: whether generated files are fresh, since there is no npm here"; fi
	@$(MAKE) --no-print-directory browsers-install proxies-install
	@for module in $(MODULES); do \
		echo "test $$module"; \
		(cd "$$module"; $(IN_WORKSPACE); go test -race -timeout 20m ./...); \
	done

# How long each fuzz target runs. `go test` alone runs the committed seeds.
FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (30s)
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
			echo "fuzz $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package"; \
		done; \
	done

# How many random requests `make long` compares with each REST gateway, how many
# random pairs of policies it compares with what browsers do and of schemas with
# what the buf plugin reports, and how long it runs each fuzz target.
TRIES ?= 1000000
PAIRS ?= 20000
long: FUZZTIME = 2m

# Each part also runs in `make test`, as a seeded slice, except for the suites of
# Connect, which take minutes to build.
.PHONY: long
long: ## Run what takes hours: random requests by the million, conformance suites, fuzzing
	cd internal/restgatewaytest && go test -count=1 -timeout 60m -run 'Misses|Refuses' . -args -tries $(TRIES)
	cd internal/restgatewaytest/v230 && go test -count=1 -timeout 60m . -args -tries $(TRIES)
	go test -count=1 -timeout 120m -run Losses ./corsrpc/corsdiff -args -pairs $(PAIRS)
	cd cmd/buf-plugin-corsrpc; $(IN_WORKSPACE); go test -count=1 -timeout 60m -run Lose . -args -pairs $(PAIRS)
	internal/companions/conformance.sh
	for round in 1 2 3; do internal/grpcwebtest/conformance/run.sh; done
	RACE=-race internal/grpcwebtest/conformance/run.sh
	internal/grpcwebtest/conformance/run.sh -forward
	$(MAKE) --no-print-directory fuzz FUZZTIME=$(FUZZTIME)

# Its result of a released version is in docs/edge-results.md. The race detector is
# for the smaller runs of `make test`.
.PHONY: edge-all
edge-all: export CORSRPC_REQUIRE_PROXIES = 1
edge-all: proxies-install ## Send the whole matrix for a hundred random policies to each target (hours)
	go test -count=1 -timeout 600m -v -run 'RandomPolicies|WithOptions|WithTheShop|WholeMatrix|Loads' ./corsrpc/corsexport -args -edge-all
	cd corsrpc/corscaddy && GOWORK=$$PWD/nested.work GOFLAGS=-trimpath go test -count=1 -timeout 240m -v -run 'SameAsWrap|Export' . -args -edge-all
	cd internal/envoytest && go test -count=1 -timeout 240m -v -run 'RandomPolicies|RandomBindings|^TestBindings|Shop' . -args -edge-all
	cd internal/kubetest && go test -count=1 . -args -policies 5000

# Where to write every round for benchstat, if anywhere: `make bench
# BENCHSTAT=new.txt`, then `benchstat -col /subject new.txt`.
BENCHSTAT ?=
# Where to write the figures for programs, if anywhere.
BENCHJSON ?=

.PHONY: bench
bench: ## Measure side by side with other libraries, into docs/ (two minutes)
	cd internal/bench && go run ./cmd/sidebyside -docs $(CURDIR)/docs \
		$(if $(BENCHSTAT),-benchstat $(abspath $(BENCHSTAT))) $(if $(BENCHJSON),-json $(abspath $(BENCHJSON)))

# `npm ci` wants every platform's build of buf in the lock file, also those that
# the registry at hand does not have. `npm install --no-save` takes the exact
# version that package.json names, checks it against the lock file where that
# knows its hash, and changes neither file. No install scripts: buf's only looks
# for the build that npm has put there.
$(BUF_INSTALLED): $(TOOLS)/package.json $(TOOLS)/package-lock.json
	cd $(TOOLS) && npm install --no-save --ignore-scripts

$(WEB_INSTALLED): web/package.json web/package-lock.json
	cd web && npm ci --ignore-scripts
