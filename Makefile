# Outreach. `make help` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := campaigns outreach workers simulator benchmarks frontend tests wsgi.py
CATALOGUES := $(wildcard translations/*/LC_MESSAGES/*.po)
WORKERS ?= 2
BENCHMARKS ?= send "send --latency-ms 100" email plan pages receipts pace memory stop_race "chaos --seed 1" "chaos --channel email --seed 1"

.DEFAULT_GOAL := help
.PHONY: help demo test check bench chromium lock format clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/built ## run everything with a demo agency and played phones, until Ctrl-C
	@exec $(BIN)/outreach demo

test: .venv/built chromium ## run every test, browser journeys included
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal

check: .venv/built ## format, lint, types, import contract, templates, translations, migrations up and down
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/python -m outreach.translations check
	$(BIN)/pytest -q tests/house tests/campaigns/store/test_migrations.py

bench: .venv/built ## print the figures of docs/scale.md, half an hour or more
	@for each in $(BENCHMARKS); do \
		echo "# $$each"; $(BIN)/python -m benchmarks $$each --json || exit 1; \
	done

format: .venv/built ## put the code into shape
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lock: .venv/built ## write the lock files anew after a change in pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o requirements-dev.lock

clean: ## remove what was built, not the data in var/
	rm -rf .venv frontend/node_modules outreach/static/vendor .pytest_cache .mypy_cache .ruff_cache

.venv/installed: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "On Debian and Ubuntu first: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.venv/built: .venv/installed pyproject.toml frontend/build.py frontend/package-lock.json $(CATALOGUES)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

chromium: ## install the browser the journeys need, where this may
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
		echo "The browser journeys need Chromium: sudo apt-get install chromium"; exit 1; \
	fi
