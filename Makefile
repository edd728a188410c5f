# The project's verbs. `make` alone lists them.
SHELL := /bin/sh
PYTHON ?= python3
RUN ?= runs/demo

BIN := .venv/bin
STAMP := .venv/.installed
# Each of pytest's two workers computes on one thread: more would fight over two cores.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# The tests of a file share what was trained for them, so a file goes to one worker.
TESTS = $(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile
QUICK := fields flow nn priors sources evaluation benchmark report tools

.DEFAULT_GOAL := help
.PHONY: help install demo test test-browser quick lint docs docs-open bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP)  ## create .venv with the pinned dependencies; does nothing if it is up to date

demo: $(STAMP)  ## train a small model, rebuild unseen pictures, print the table, write runs/demo/report.html
	$(BIN)/mamba-diffae demo --run $(RUN) --overwrite

test: lint  ## lint, then run all tests but those in a browser
	$(TESTS) -m "not browser"

test-browser: $(STAMP)  ## the tests in a browser, one page at a time
	$(ONE_THREAD) $(BIN)/python -m pytest $(ONLY) tests/report/test_browser.py tests/studio/browser

quick: $(STAMP)  ## the tests of what needs no training, in under a minute
	$(TESTS) -m "not slow and not browser" $(QUICK:%=tests/%)

lint: $(STAMP)  ## ruff, basedpyright, import-linter, the words, their spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python tools/check_vocabulary.py
	$(BIN)/codespell

docs: $(STAMP)  ## build the documentation in site/, without a network; a warning is an error
	$(ONE_THREAD) $(BIN)/sphinx-build -q -W --keep-going -j 2 -c docs . site

docs-open: docs  ## build the documentation and show it in a browser
	$(BIN)/python -m webbrowser -t "file://$(CURDIR)/site/docs/index.html"

bench: $(STAMP)  ## measure the speed of the selective scan
	$(BIN)/python benchmarks/scan_speed.py

clean:  ## remove caches and built files; .venv and runs stay
	rm -rf dist site docs/gallery .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# torch first, by pip, from whichever index pip is told of: so its CPU build can be chosen (CONTRIBUTING.md).
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
		"name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check $$(grep '^torch==' requirements.lock) uv
	$(BIN)/uv pip install -q --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
