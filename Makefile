# make run     set up .venv if needed, and open the app            (ARGS="ps -a" gives it a docker line instead)
# make test    set up with the tools for tests, and run every test (ARGS="-k logs" picks some)
# make check   format, lint, types, layering and the quick tests
# make format  put the code into its form
# make bench   measure a run and a pull beside docker's, and the start of the app

ARGS ?=

# A checkout that belongs to somebody else gets its environment in the cache of the user.
VENV := $(shell if test -w . || test -x .venv/bin/python; then echo .venv; \
  else echo "$${XDG_CACHE_HOME:-$$HOME/.cache}/dockview/venv"; fi)
BIN := $(VENV)/bin

# A stamp says from which folder and for which interpreter the environment was made: moving the checkout, or removing
# the interpreter, makes it outdated, as does a newer pyproject.toml.
ifeq ($(wildcard $(BIN)/python),)
.PHONY: $(VENV)/.ready $(VENV)/.ready-dev
endif
ifneq ($(wildcard $(VENV)/.ready),)
ifneq ($(file <$(VENV)/.ready),$(CURDIR))
.PHONY: $(VENV)/.ready $(VENV)/.ready-dev
endif
endif

.PHONY: run test check format bench help

run: $(VENV)/.ready
	@exec $(BIN)/dockview $(ARGS)

test: $(VENV)/.ready-dev
	@exec $(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit

format: $(VENV)/.ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

bench: $(VENV)/.ready-dev
	$(BIN)/python bench/run_bench.py
	$(BIN)/python bench/pull_bench.py
	$(BIN)/python bench/start_bench.py

$(VENV)/.ready: pyproject.toml scripts/setup
	@sh scripts/setup "$(VENV)"

$(VENV)/.ready-dev: pyproject.toml scripts/setup
	@sh scripts/setup "$(VENV)" dev

help:
	@sed -n 's/^# make/make/p' Makefile
