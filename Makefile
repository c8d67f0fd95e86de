# `make demo` and `make test` do all the set-up themselves. PYTHON chooses the interpreter: make test PYTHON=python3.13
PYTHON ?= python3
VENV ?= .venv
PYTHONS ?= python3.11 python3.13
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-long coverage bench bench-azure bench-containers bench-import bench-redis lint types generate check-generated servers clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Run the main job: the same handlers on asyncio, on trio and in blocking code.
	$(BIN)/python examples/meetings.py

test: $(VENV)/.dev servers ## Run the test suite.
	$(PYTEST)

test-long: $(VENV)/.dev servers ## Run the test suite with many more random programs, malformed messages, cancellations and faults.
	DIATOR_LONG=1 DIATOR_PROOF_EXAMPLES=20000 DIATOR_MALFORMED_MESSAGES=100000 DIATOR_FAULT_RUNS=20 $(PYTEST)

coverage: $(VENV)/.dev servers ## Run the test suite, with few random programs, and fail below the required coverage.
	$(BIN)/python -m coverage erase
	DIATOR_PROOF_EXAMPLES=100 $(BIN)/python -m coverage run -m pytest -n auto --dist worksteal
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

bench: $(VENV)/.dev ## Measure dispatch beside code by hand and other mediators, with each of PYTHONS.
	$(BIN)/python benchmarks/run.py $(PYTHONS)

bench-azure: $(VENV)/.dev servers ## Measure the broker on Azure Service Bus beside the bare SDK and diator 0.1.2.
	$(BIN)/python benchmarks/azure/run.py

bench-containers: $(VENV)/.dev ## Measure what the adapters to containers add, with each of PYTHONS.
	$(BIN)/python benchmarks/containers.py $(PYTHONS)

bench-import: $(VENV)/.dev ## Measure how long `import diator` takes.
	$(BIN)/python benchmarks/import_time.py

bench-redis: $(VENV)/.dev servers ## Measure the brokers on Redis beside redis-benchmark, FastStream and diator 0.1.2.
	PYTHONPATH=. $(BIN)/python benchmarks/redis/run.py

lint: $(VENV)/.dev ## Check style.
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(VENV)/.dev ## Check types with mypy and pyright, both strict.
	$(BIN)/python -m mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/python -m pyright --pythonpath $(BIN)/python

generate: $(VENV)/.dev ## Write what is generated: diator/sync, tests/sync, the tables of docs/settings.md.
	$(BIN)/python tools/unasync.py
	$(BIN)/python tools/settings_table.py

check-generated: $(VENV)/.dev ## Fail if a generated file is not what would be generated.
	$(BIN)/python tools/unasync.py --check
	$(BIN)/python tools/settings_table.py --check

servers: $(VENV)/bin/python ## Install the servers that the tests talk to, where that is possible.
	@sh tools/servers.sh $(BIN)/python

clean: ## Remove everything that these commands have made.
	rm -rf $(VENV) .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=25.1"

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(PIP) install --editable ".[all]" rich
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(PIP) install --editable . --group dev
	@touch $@ $(VENV)/.demo
