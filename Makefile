# make setup | run | test | check | bench | chaos | lock.   Needs python3 (3.11 or newer) and make.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: setup run test browser check bench chaos lock clean
.DEFAULT_GOAL := help

help:
	@echo "make run             start everything, run one job, stay up (ARGS=--once: stop after the job)"
	@echo "make test            run the tests            make check   lint, types, layers"
	@echo "make bench           measure against peers    make chaos   kill everything, again and again, and judge"
	@echo "make lock            renew the hash-pinned locks"

setup: .venv/runtime.stamp

.venv/runtime.stamp: requirements.lock requirements-setup.lock pyproject.toml shared/client/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Watchkeeper needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make setup PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@$(UV) --require-hashes -r requirements.lock
	@$(UV) --no-deps --no-build-isolation -e shared/client -e .
	@touch $@

.venv/dev.stamp: .venv/runtime.stamp requirements-dev.lock
	@$(UV) --require-hashes -r requirements-dev.lock
	@touch $@

run: setup
	@$(BIN)/watchkeeper up --demo $(ARGS)

test: .venv/dev.stamp browser
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

# The tests of pages use a real browser. As root on Debian it is installed; elsewhere install Chromium and its driver.
browser:
	@command -v chromedriver >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& echo "installing chromium and chromium-driver for the tests" && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null; } \
		|| echo "no chromedriver: the tests of pages are skipped (in CI they fail)"

check: .venv/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/dev.stamp
	@$(BIN)/python -m bench $(ARGS)

chaos: .venv/dev.stamp
	@$(BIN)/python -m tests.chaos $(ARGS)

lock: setup
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade requirements-setup.in -o requirements-setup.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-emit-package watchkeeper-client requirements.in -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-emit-package watchkeeper-client requirements-dev.in -o requirements-dev.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
