# `make demo` and `make test` install what they need; nothing else has to be done first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Most of what is installed is never imported: what is, is compiled then.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile

.PHONY: help demo serve test test-slow lint format lock clean

help:
	@echo "make demo       run everything on generated data, in a few minutes on a CPU"
	@echo "make serve      start Prefect, MLflow and workers on this machine (Ctrl-C stops them)"
	@echo "make test       lint, types, layers and the fast tests"
	@echo "make test-slow  the demo run, kill tests and real servers"
	@echo "make lint       only ruff, mypy and import-linter"
	@echo "make format     let ruff mend what it can"
	@echo "make lock       resolve the dependencies anew (needs uv)"
	@echo "make clean      remove the environment and the caches"

# The lock is complete and carries hashes, so that pip has nothing to resolve.
$(VENV)/.product: requirements.lock pyproject.toml
	@echo "Installing into $(VENV) (a few minutes, 4 GB) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.development: $(VENV)/.product requirements-dev.lock
	@echo "Installing the development tools into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.product
	@$(BIN)/pcam demo

serve: $(VENV)/.product
	@$(BIN)/pcam up

test: lint
	$(BIN)/pytest -m "not slow" --numprocesses 2 --dist loadfile

test-slow: $(VENV)/.development
	$(BIN)/pytest -m slow --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := uv pip compile --generate-hashes --no-emit-index-url --no-annotate --no-header \
	--python-version 3.11 --quiet
LOCKED := sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package \1/p' requirements.lock
IMAGE := deployments/containers

# What an image adds is resolved against the product's lock, and does not repeat it.
lock:
	$(COMPILE) --universal pyproject.toml --output-file requirements.lock
	$(COMPILE) --universal pyproject.toml --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock
	for more in workers gpu; do $(COMPILE) $(IMAGE)/$$more.in --constraint requirements.lock \
		--python-platform x86_64-manylinux_2_28 $$($(LOCKED)) \
		--output-file $(IMAGE)/$$more.lock || exit 1; done

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
