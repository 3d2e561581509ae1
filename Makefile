# Everything here needs python3 and make; the rest is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed-dev
PYTEST := $(BIN)/python -m pytest --no-header
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export JUPYTER_PLATFORM_DIRS := 1

# Lanes for `make test`, and processes of its last run.
JOBS ?= 2

# What the runs other than the compiled one consist of: tests of kernels, and of what may run on several threads.
# Laws that take the same kernels the same ways as others do are left to the compiled run.
KERNELS := $(wildcard $(addprefix tests/test_,laws.py swings.py structure.py gaps.py fold.py engine_rules.py))
KERNELS += -k 'not (test_laws and (mirror or saved or scale))'
THREADS := $(wildcard $(addprefix tests/test_,panels.py stream.py scan.py cache.py cache_costs.py cache_writer.py scan_cache.py))

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

$(READY): pyproject.toml
	@echo "installing into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --editable '.[dev]'
	@touch $@

.PHONY: setup
setup: $(READY) ## install the package and its tools into .venv

.PHONY: run
run: $(READY) ## scan the built-in market and print what was found
	@$(BIN)/ict-kernels scan

.PHONY: bench
bench: $(READY) ## check the kernels against their twins, then time them
	@$(BIN)/ict-kernels bench --suite kernels --check

.PHONY: test
test: $(READY) ## everything that CI runs
	@$(MAKE) --no-print-directory --jobs=$(JOBS) --output-sync=target \
	    warmup lint types test-bounds test-python notebooks test-threads
	@$(MAKE) --no-print-directory test-compiled

.PHONY: lint
lint: $(READY) ## style, format, and imports that go down only
	@echo "== lint"
	@$(BIN)/ruff check --quiet --output-format=concise .
	@$(BIN)/ruff format --check .
	@mkdir -p .cache
	@$(BIN)/lint-imports --cache-dir .cache/imports > .cache/imports.txt || { cat .cache/imports.txt; exit 1; }
	@tail -n 1 .cache/imports.txt

.PHONY: types
types: $(READY) ## mypy, strict
	@echo "== types"
	@$(BIN)/mypy --cache-dir .cache/mypy

.PHONY: warmup
warmup: $(READY) ## compile all kernels once, so that later processes load them
	@$(BIN)/ict-kernels warmup | tail -n 1

.PHONY: test-compiled
test-compiled: $(READY) ## all tests and the examples in docstrings, on compiled kernels
	@echo "== compiled"
	@$(PYTEST) --numprocesses=$(JOBS) --doctest-modules tests ict_kernels

.PHONY: test-python
test-python: $(READY) ## the same kernels as plain Python, with their branch coverage
	@echo "== without JIT"
	@mkdir -p .cache && rm -f .cache/coverage*
	@NUMBA_DISABLE_JIT=1 $(PYTEST) -m "not compiled" --cov --cov-report=term $(THREADS) $(KERNELS)

.PHONY: test-threads
test-threads: warmup ## whatever may run on several threads, on one
	@echo "== one thread"
	@NUMBA_NUM_THREADS=1 $(PYTEST) $(THREADS)

.PHONY: test-bounds
test-bounds: $(READY) ## the serial kernels, checking every index
	@echo "== bounds-checked"
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(CURDIR)/.cache/bounds-checked \
	    $(PYTEST) -m "not panel" $(KERNELS)

.PHONY: notebooks
notebooks: warmup ## execute the notebooks; the results are in build/notebooks
	@$(BIN)/python notebooks/execute.py build/notebooks

.PHONY: docs-examples
docs-examples: $(READY) ## run the examples of README and docs
	@$(PYTEST) tests/test_docs.py

.PHONY: format
format: $(READY) ## sort imports and format
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .

.PHONY: clean
clean: ## remove whatever the other targets made, .venv included
	@rm -rf .cache build dist .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
