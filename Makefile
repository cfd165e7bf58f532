# Each target makes .venv first if it is not there; a second start does not touch it.
PYTHON ?= python3
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# Which versions are installed: those of constraints.txt, the oldest that pass the tests, or the newest.
DEPENDENCIES ?= constraints
CONSTRAINTS := $(if $(filter newest,$(DEPENDENCIES)),,-c $(DEPENDENCIES).txt)
READY := .venv/.ready
TOOLS := .venv/.tools-ready
PRETRAINED := .venv/.pretrained-ready
INSTALL := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check $(CONSTRAINTS)
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Set-up leaves byte code to the first import; without it every process would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-smollm2 test coverage quick lint docs format clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## The environment alone

demo: $(READY) ## The whole pipeline on the embedded world; ends with a report and an explanation
	@$(BIN)/recexplainer demo

demo-smollm2: $(PRETRAINED) ## The same with a small pretrained language model, which is fetched once
	@$(BIN)/recexplainer backbone get smollm2
	@$(BIN)/recexplainer run demo-smollm2
	@$(BIN)/recexplainer explain demo-smollm2 --user u0001 --item i017

test: lint docs ## Lint, types, layers, the documentation and every test, with the slowest tests
	@echo "tests"
	@OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n 2 --durations=15

coverage: $(TOOLS) ## Every test, and the lines that none of them runs
	@OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n 2 --cov --cov-report=term-missing

quick: $(TOOLS) ## The tests that take seconds
	@OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n 2 -m "not slow and not real"

lint: $(TOOLS) ## Lint, format check, layers and types
	@echo "lint, format, layers, types"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/lint-imports > .venv/layers.log 2>&1 || { cat .venv/layers.log; exit 1; }
	@$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(TOOLS) ## The documentation site in site/, strictly
	@echo "documentation"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

format: $(TOOLS) ## Correct lint and format where a tool can
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

clean: ## Remove the environment and the caches; runs/ stays
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml constraints.txt
	@echo "setting up .venv (once, a few minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(INSTALL) -e .
	@touch $@

$(PRETRAINED): $(READY)
	@$(INSTALL) -e '.[pretrained,gguf]'
	@touch $@

$(TOOLS): $(READY)
	@$(INSTALL) -e '.[dev]'
	@touch $@
