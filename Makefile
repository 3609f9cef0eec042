# `make` alone says what there is. Everything is installed into .venv, from the hashed locks in requirements/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

export PYTHON
# Tests start Python thousands of times; without bytecode each start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
bin := .venv/bin
pip := $(bin)/python -m pip -qq --disable-pip-version-check --no-input
# What is installed, on all cores: pip would compile one file after the other, for a minute. Some packages bring files that
# are no Python of this version.
compile := $(bin)/python -W ignore -m compileall -qq -j 0 .venv/lib
# A path is enough for one test: make test TESTS=tests/services/test_invoke.py
TESTS ?= tests
PYTEST_FLAGS ?=
# make soak SOAK_FLAGS='--invocations 100000 --starts 2000' for a short one.
SOAK_FLAGS ?=

# make endure ENDURE_FLAGS='--seconds 60 --seed 7', or '--power-cuts 5'.
ENDURE_FLAGS ?= --seconds 1800 --record

# make fuzz FUZZ_FLAGS='--requests 5000 --seed 7' for few, or for those of a run before.
FUZZ_FLAGS ?=

.PHONY: help demo test check lint types style architecture bench soak endure fuzz lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.runtime ## install, start the platform, run a function and then a whole pipeline on it, stop it
	@$(bin)/python examples/fibonacci/demo.py
	@$(bin)/python examples/flight-pipeline/demo.py

test: .venv/.compiled ## run the tests
	@$(bin)/python -m pytest $(PYTEST_FLAGS) $(TESTS)

check: lint architecture ## format, lint, types, import contracts, sizes and the other rules of the house

# mypy takes as long as all the others together, so it goes beside them.
lint: .venv/.test
	@$(MAKE) --jobs=2 types style

types: .venv/.test
	@echo 'mypy'; $(bin)/mypy --no-error-summary

style: .venv/.test
	@echo 'ruff format'; $(bin)/ruff format --quiet --check . \
	  || { $(bin)/ruff format --check --output-format concise .; exit 1; }
	@echo 'ruff check'; $(bin)/ruff check --quiet .
	@echo 'lint-imports'; $(bin)/lint-imports --no-logo > .venv/contracts.txt \
	  || { cat .venv/contracts.txt; exit 1; }

architecture: .venv/.compiled
	@echo 'tests/architecture'; $(bin)/python -m pytest --quiet tests/architecture

bench: .venv/.test ## measure against a bare server and other emulators (needs wrk, cc)
	@$(bin)/python bench/store.py
	@$(bin)/python bench/run.py
	@$(bin)/python bench/execution.py
	@$(bin)/python bench/snapstart.py --record
	@$(bin)/python bench/autoscaler.py
	@$(bin)/python bench/agreement.py
	@$(bin)/python bench/tables.py
	@$(bin)/python bench/events.py
	@$(bin)/python bench/objects.py
	@$(bin)/python bench/messages.py
	@$(bin)/python bench/mappings.py
	@$(bin)/python bench/deployments.py
	@$(bin)/python bench/scale.py

soak: .venv/.test ## a million invocations, twenty thousand environments, then count what is left (hours; SOAK_FLAGS)
	@$(bin)/python bench/soak.py $(SOAK_FLAGS)

endure: .venv/.test ## half an hour of load while the platform is killed again and again, then look for what is lost (ENDURE_FLAGS)
	@PYTHONPATH=bench $(bin)/python -m tests.endurance $(ENDURE_FLAGS)

fuzz: .venv/.test ## a hundred thousand requests to Lambda made from its service model, valid ones and broken ones (FUZZ_FLAGS)
	@$(bin)/python -m tests.generated $(FUZZ_FLAGS)

lock: ## write requirements/*.txt anew (make lock LOCK_FLAGS=--upgrade for the newest versions)
	@scripts/lock $(LOCK_FLAGS)

clean: ## remove all that was made here
	@rm -rf .venv .venv-peer build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ── what is installed: a stamp for each lock, so that a second run starts at once ──

.venv/bin/python:
	@python=$$(scripts/find-python) && echo "making .venv with $$python" && "$$python" -m venv .venv

.venv/.runtime: requirements/runtime.txt requirements/build.txt requirements/python3.9.txt pyproject.toml | .venv/bin/python
	@echo 'installing what Lambent needs'
	@$(pip) install --require-hashes --no-compile -r requirements/runtime.txt -r requirements/build.txt
	@$(pip) install --require-hashes --no-deps --python-version 3.9 --only-binary=:all: --upgrade --no-compile \
	  --target .venv/share/lambent/python3.9 -r requirements/python3.9.txt
	@$(pip) install --no-deps --no-build-isolation --editable .
	@$(compile) src/lambent || true # so that the first start is as quick as the others
	@touch $@

.venv/.test: requirements/test.txt requirements/functions.txt .venv/.runtime
	@echo 'installing what the tests need'
	@$(pip) install --require-hashes --no-compile -r requirements/test.txt
	@$(pip) install --require-hashes --no-deps --only-binary=:all: --platform any --implementation py --abi none \
	  --upgrade --target .venv/share/lambent/functions -r requirements/functions.txt
	@touch $@

.venv/.compiled: .venv/.test
	@$(compile) || true
	@touch $@
