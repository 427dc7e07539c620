# Two commands on a fresh machine: `make run` shows the product, `make test` proves it. Any Node >= 20 with npm installs the pinned Node 24, which then runs everything.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
NODE24 = node_modules/.bin/node
ARGS ?=
.PHONY: help run test e2e soak check bench clean add fix
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## */\1\t/' | expand -t 10

node_modules/.stamp: package.json package-lock.json
	@echo "Installing npm packages (about 20 s) …"
	npm ci --no-audit --no-fund --loglevel=error || npm install --no-audit --no-fund --loglevel=error
	@$(NODE24) -e 'if (+process.versions.node.split(".")[0] < 24) { console.error("Node 24 was not installed: npm ran with --ignore-scripts?"); process.exit(1) }'
	@touch $@

run: node_modules/.stamp ## set up everything and show a dataset read through the cache (ARGS=--once: end after the show; UFS=…, LATENCY=0)
	@node tools/show/main.ts $(ARGS)
test: node_modules/.stamp ## all checks and tests, with real servers
	@node tools/test/main.ts test $(ARGS)
e2e: node_modules/.stamp ## the long end-to-end tests
	@node tools/test/main.ts e2e $(ARGS)
soak: node_modules/.stamp ## full counts, hours
	@node tools/test/main.ts soak $(ARGS)
check: node_modules/.stamp ## format, lint, types, tidy
	@npm run --silent check
bench: node_modules/.stamp ## benchmarks: make bench ARGS="ring page-store"
	@node bench/main.ts $(ARGS)
fix: node_modules/.stamp ## format in place
	@oxfmt .
clean: ## remove what the checkout built (not ~/.cache/alluxio-ts)
	rm -rf node_modules .cache dist
# make add PKG="undici@8": npm must itself run on Node 24, or it silently picks older versions that suit Node 20
add: node_modules/.stamp
	$(NODE24) "$$(readlink -f "$$(command -v npm)")" install $(PKG)
