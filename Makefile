# Two commands do everything: `make app` and `make test`. See the README.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
HOST ?= 127.0.0.1
INPUTS ?= 100000
WORKERS ?= 2
SEED ?= 0

.PHONY: app serve test cases truth bench fuzz checks install install-dev world home clean

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the dashboard needs (once; a few minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "Installing the developer tools (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

install: $(VENV)/.run
install-dev: $(VENV)/.dev

# Starts the dashboard and prints its address. PORT= and HOST= override.
app: install
	@$(BIN)/python -m firmtrade_core app --host $(HOST) --port $(PORT)

# Several servers behind one address, for many readers. WORKERS=, PORT= and HOST= override.
serve: install
	@$(BIN)/python -m firmtrade_core serve --workers $(WORKERS) --host $(HOST) --port $(PORT)

checks: install-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Test workers share the cores: one thread each, of linear algebra and of trees.
test truth: export OPENBLAS_NUM_THREADS = 1
test truth: export OMP_NUM_THREADS = 1

test: checks
	@$(BIN)/python -m pytest -n 2 --dist worksteal

# The small inputs of ../shared/cases, a messy workbook of all their kinds, and further examples of each kind.
cases: install-dev
	@$(BIN)/python -m pytest tests/cases

truth: install-dev
	@$(BIN)/python -m pytest -m truth -n 2 --dist worksteal

bench: install-dev
	@$(BIN)/python -m firmtrade_core bench

# Sends hostile input to every door: seeded, goes on where it was stopped. INPUTS= and SEED= override.
fuzz: install-dev
	@$(BIN)/python -m benchmarks.fuzz --inputs $(INPUTS) --seed $(SEED)

# Rebuilds the embedded world from the figures beside the project.
world: install
	@$(BIN)/python -m firmtrade_core world build

# Rebuilds the synthetic home country's firms: panel, effects and capability, estimated from a fixed seed; and the estimates
# that the pages Firms and Channels open with (alone: `python -m firmtrade_core firms stored`, about six minutes).
home: export OPENBLAS_NUM_THREADS = 1
home: install
	@$(BIN)/python -m firmtrade_core panel synthetic -o output/home
	@$(BIN)/python -m firmtrade_core channels --panel output/home --write-table output/home_effects.json
	@$(BIN)/python -m firmtrade_core firms home output/home --effects output/home_effects.json --out assets/home.parquet
	@$(BIN)/python -m firmtrade_core firms stored

clean:
	rm -rf $(VENV) output
