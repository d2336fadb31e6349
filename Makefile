# make help lists what there is. Only Python 3.11 or newer with venv is needed beforehand;
# another one than python3: make test PYTHON=python3.12

PYTHON ?= python3
WORKSPACE ?= cvseeker-demo
# Each worker holds torch, about 600 MB; more than four gain nothing here.
PYTEST_WORKERS ?= -n logical --maxprocesses 4 --dist loadfile

BIN := .venv/bin
INSTALLED := .venv/.installed
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-all check fix reference docs dist examples notebooks clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## install CVSeeker and what its tests need into .venv

demo: $(INSTALLED)  ## run the whole pipeline on the bundled résumés, into cvseeker-demo
	$(BIN)/cvseeker demo -w $(WORKSPACE)

test: $(INSTALLED)  ## run the tests but the slow ones
	$(BIN)/python -m pytest -q -m "not slow" $(PYTEST_WORKERS)

test-all: $(INSTALLED)  ## run all tests
	$(BIN)/python -m pytest -q $(PYTEST_WORKERS)

check: $(INSTALLED)  ## lint, format, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fix: $(INSTALLED)  ## repair what ruff can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: $(INSTALLED)  ## write docs/reference.md from the settings models
	$(BIN)/python -m cvseeker.cli.reference > docs/reference.md

docs: $(INSTALLED)  ## make a site of docs/, in site/ (to read it: .venv/bin/mkdocs serve)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The wheel is made of the sdist, so that neither lacks a file that the other has.
dist: $(INSTALLED)  ## make the wheel and the sdist, in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation

examples: $(INSTALLED)  ## rebuild the bundled PDF and DOCX résumés (needs Chromium)
	$(BIN)/python examples/build.py

notebooks: $(INSTALLED)  ## run the notebooks and keep what they show
	rm -rf notebooks/workspace
	for name in generate_queries finetune evaluate; do \
		$(BIN)/jupytext --quiet --to ipynb --set-kernel python3 --execute notebooks/$$name.py || exit 1; \
	done

clean:  ## remove .venv, caches, what was built and the demo's workspace
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist site cvseeker-demo
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/cvseeker: $(INSTALLED)

# The stamp is the last thing written: an interrupted installation is taken up again.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "CVSeeker needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
			"Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
		echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into .venv; the first time takes some minutes, torch being large."
	@$(PIP_INSTALL) "$$(grep "^torch==" constraints.txt)"
	@$(PIP_INSTALL) --editable '.[offline,llm,llama-index,lora,qdrant,ray,serve,docs,dev]'
	@touch $@
