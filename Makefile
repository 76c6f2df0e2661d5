# One command per chore; `make run` and `make test` need nothing but Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup run test test-busy check bench dialects lock wheel clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# The browser of the acceptance tests is a system package.
.PHONY: browser
browser:
	@sh tests/install_browser.sh

run: setup
	@$(BIN)/genaiops up --demo

# One process more than cores, at most four, because tests wait for browsers and servers; what shares a process:
# tests/scheduling.py.
TESTS ?= tests
PROCESSES = $$($(BIN)/python -c "import os; print(min(4, (os.cpu_count() or 1) + 1))")
PYTEST = $(BIN)/python -m pytest -n $(PROCESSES) --dist loadscope

test: setup browser
	@$(PYTEST) $(TESTS)

# The same with every core kept busy by others: tests wait for states, so a slow host fails none.
test-busy: setup browser
	@$(BIN)/python -m tests.busy $(PYTEST) $(TESTS)

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/unit/test_imports.py tests/unit/test_table_owners.py tests/unit/test_names.py

bench: setup
	@$(BIN)/python -m benchmarks

# Installs the pinned instrumentation libraries, each into an environment of its own below .dialects; needs downloads.
# One of them: make dialects DIALECTS=botocore
dialects: setup
	@$(BIN)/python -m benchmarks.dialects $(DIALECTS)

wheel: setup
	@$(BIN)/python -m hatchling build -t wheel

# Needs the resolver `uv`; writes versions and hashes, no addresses.
lock:
	uv pip compile pyproject.toml --extra ragas --group dev --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command "make lock" --quiet -o requirements.lock

clean:
	rm -rf $(VENV) .genaiops .dialects dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
