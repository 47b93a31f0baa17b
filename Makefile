# Everything that is built, checked or generated here. `make` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

TOOLS := $(CURDIR)/internal/tools

# Go tools run at the versions that internal/tools/go.mod pins, apart from the
# library's own dependencies. Go builds each once and keeps the executable in its
# cache (50 ms a run from then on), so that nothing has to be installed.
GO_TOOL := go tool -modfile=$(TOOLS)/go.mod

# buf comes from npm. What npm writes last says when it was installed.
BUF := $(TOOLS)/node_modules/.bin/buf
BUF_INSTALLED := $(TOOLS)/node_modules/.package-lock.json

# The root module and the nested ones, but for the tools: there is no code there.
MODULES = $(filter-out internal/tools,$(patsubst %/,%,$(dir $(shell git ls-files -co --exclude-standard '*go.mod'))))

# Where buf.gen.yaml puts code. doc.go is written by hand, since protoc-gen-go
# makes no package comment.
GENERATED := internal/gen corsrpc/corsrpcv1
BY_HAND := doc.go

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: generate
generate: $(BUF_INSTALLED) ## Format proto/ and remake all that is generated: Go code and the bundles of pages
	$(BUF) format --write
	$(BUF) lint
	find $(GENERATED) -type f ! -name $(BY_HAND) -delete
	$(BUF) generate
	@$(MAKE) --no-print-directory demo-web browsers-web

# Into a directory of its own: the working tree may hold other changes, and files
# whose proto file is gone must be found too.
.PHONY: generate-check
generate-check: $(BUF_INSTALLED) ## Prove that proto/ is clean and the generated code fresh
	$(BUF) lint
	@$(BUF) format --diff --exit-code || { echo "proto/ is not formatted: run \`make generate\`" >&2; exit 1; }
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(BUF) generate --output "$$fresh"; \
	for dir in $(GENERATED); do \
		diff --recursive --exclude=$(BY_HAND) "$$dir" "$$fresh/$$dir" || { \
			echo "$$dir is not what proto/ and buf.gen.yaml make: run \`make generate\` and commit the result" >&2; exit 1; }; \
	done

# The page of examples/demo: its bundle is committed and embedded, so that running
# the demo takes Go alone.
DEMO := examples/demo
DEMO_INSTALLED := $(DEMO)/web/node_modules/.package-lock.json

.PHONY: demo-web
demo-web: $(BUF_INSTALLED) $(DEMO_INSTALLED) ## Remake the bundle of the demo's page
	$(BUF) generate --template $(DEMO)/web/buf.gen.yaml
	cd $(DEMO)/web && npm run --silent check && npm run --silent build -- --outfile=../page/page.js

.PHONY: demo-web-check
demo-web-check: $(BUF_INSTALLED) $(DEMO_INSTALLED) ## Prove that the bundle of the demo's page is fresh
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(BUF) generate --template $(DEMO)/web/buf.gen.yaml --output "$$fresh"; \
	(cd $(DEMO)/web && npm run --silent check && npm run --silent build -- --outfile="$$fresh/page.js"); \
	diff --recursive $(DEMO)/web/gen "$$fresh/$(DEMO)/web/gen" && cmp $(DEMO)/page/page.js "$$fresh/page.js" || { \
		echo "$(DEMO)/page is not what $(DEMO)/web makes: run \`make demo-web\` and commit the result" >&2; exit 1; }

# The pictures look as intended where the fonts Inter and JetBrains Mono are
# installed.
.PHONY: demo-picture
demo-picture: ## Take the README's pictures of the demo with Chromium
	go test ./$(DEMO) -count=1 -run '^TestPicture$$' -args -pictures $(CURDIR)/docs
	for picture in docs/demo.png docs/demo-dark.png; do \
		convert "$$picture" -strip +dither -colors 128 -define png:compression-level=9 "png8:$$picture"; done

# The pages of internal/browsertest, likewise.
BROWSERTEST := internal/browsertest
BROWSERTEST_INSTALLED := $(BROWSERTEST)/web/node_modules/.package-lock.json

.PHONY: browsers-web
browsers-web: $(BUF_INSTALLED) $(BROWSERTEST_INSTALLED) ## Remake the bundle of the browser tests' pages
	$(BUF) generate --template $(BROWSERTEST)/web/buf.gen.yaml
	cd $(BROWSERTEST)/web && npm run --silent check && npm run --silent build -- --outfile=../page/page.js

.PHONY: browsers-web-check
browsers-web-check: $(BUF_INSTALLED) $(BROWSERTEST_INSTALLED) ## Prove that the bundle of the browser tests' pages is fresh
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(BUF) generate --template $(BROWSERTEST)/web/buf.gen.yaml --output "$$fresh"; \
	(cd $(BROWSERTEST)/web && npm run --silent check && npm run --silent build -- --outfile="$$fresh/page.js"); \
	diff --recursive $(BROWSERTEST)/web/gen "$$fresh/$(BROWSERTEST)/web/gen" && cmp $(BROWSERTEST)/page/page.js "$$fresh/page.js" || { \
		echo "$(BROWSERTEST)/page is not what $(BROWSERTEST)/web makes: run \`make browsers-web\` and commit the result" >&2; exit 1; }

.PHONY: browsers-install
browsers-install: ## Install the browsers from Debian, as root, and say which there are
	@$(BROWSERTEST)/install-browsers.sh
	@cd $(BROWSERTEST) && go run ./engines

# The matrix that is committed is what this replaces, so it is not looked at.
.PHONY: browsers
browsers: export CORSRPC_REQUIRE_BROWSERS = 1
browsers: browsers-install ## Run the tests in all browsers; print and write the matrix (two minutes)
	cd $(BROWSERTEST) && go test -count=1 -skip '^(TestMatrixIsOfTheseTests|TestDocumentIsMadeFromTheMatrix)$$' . -matrix=matrix.json
	cd $(BROWSERTEST) && go run ./table

.PHONY: lint
lint: ## Run gofmt, go vet and staticcheck in every module
	@unformatted=$$(git ls-files -co --exclude-standard -z '*.go' | xargs -0 gofmt -l); \
	if [[ -n $$unformatted ]]; then printf 'not formatted, run gofmt -w on:\n%s\n' "$$unformatted" >&2; exit 1; fi
	@for module in $(MODULES); do \
		echo "lint $$module"; \
		(cd "$$module" && go vet ./... && $(GO_TOOL) staticcheck ./...); \
	done

.PHONY: test
test: lint ## Run everything: lint, freshness of generated files, all tests with -race
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory generate-check demo-web-check browsers-web-check; \
	elif [[ -n $${CORSRPC_REQUIRE_NPM:-} ]]; then echo "npm is missing: install Node.js" >&2; exit 1; \
	else echo "LEFT OUT: whether generated files are fresh, since there is no npm here"; fi
	@$(MAKE) --no-print-directory browsers-install
	@for module in $(MODULES); do \
		echo "test $$module"; \
		(cd "$$module" && go test -race -timeout 20m ./...); \
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

$(DEMO_INSTALLED): $(DEMO)/web/package.json $(DEMO)/web/package-lock.json
	cd $(DEMO)/web && npm ci --ignore-scripts

$(BROWSERTEST_INSTALLED): $(BROWSERTEST)/web/package.json $(BROWSERTEST)/web/package-lock.json
	cd $(BROWSERTEST)/web && npm ci --ignore-scripts
