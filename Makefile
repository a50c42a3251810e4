# make run   set up .venv and open the dashboard on a simulated participant
# make test  the same set-up plus test tools, then lint, types, import contracts, tests
# make docs  the same set-up plus Sphinx, then the pages with the gallery into build/docs
#
# make wheel-test   build sdist and wheel, install the wheel elsewhere, run it in an empty folder
#
# PYTHON=python3.12     another interpreter (3.11 or newer)
# TORCH_INDEX=URL       take torch from this package index, e.g. one with CPU wheels only
# WORKERS=2             processes that run the tests
# SOURCE=lsl:MyHeadset  another source for `make run`

PYTHON ?= python3
VENV ?= .venv
SOURCE ?=
TORCH_INDEX ?=
WORKERS ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := "torch>=2.10,<2.14"

.PHONY: run test docs pages wheel-test lint types imports spelling unit clean

run: $(VENV)/.run
	@exec $(BIN)/mdjpt app $(SOURCE)

test: lint types imports spelling unit

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

imports: $(VENV)/.test
	$(BIN)/lint-imports

spelling: $(VENV)/.test
	$(BIN)/codespell app mdjpt streaming tests docs examples README.md CONTRIBUTING.md CHANGELOG.md

unit: $(VENV)/.test
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

docs: $(VENV)/.docs
	@$(MAKE) --no-print-directory pages

# The pages with whatever Sphinx is there; warnings are errors.
pages:
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 MPLBACKEND=agg \
	  $(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mdJPT Live needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "no virtual environment: install python3-venv (Debian: apt-get install python3-venv)"; \
	    rm -rf $(VENV); exit 1; }

$(VENV)/.torch: $(VENV)/bin/python
	$(if $(TORCH_INDEX),$(PIP) install --quiet --index-url $(TORCH_INDEX) $(TORCH),@true)
	@touch $@

$(VENV)/.run: $(VENV)/.torch pyproject.toml
	@echo "installing into $(VENV) (several minutes the first time) ..."
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.torch pyproject.toml
	@echo "installing into $(VENV) with the test tools (several minutes the first time) ..."
	$(PIP) install --quiet --editable ".[test]"
	@touch $@ $(VENV)/.run

$(VENV)/.docs: $(VENV)/.torch pyproject.toml
	@echo "installing into $(VENV) with the tools of the pages (several minutes the first time) ..."
	$(PIP) install --quiet --editable ".[docs]"
	@touch $@ $(VENV)/.run

# The wheel is built from the sdist, and installed where nothing of the checkout can be seen.
wheel-test: $(VENV)/.torch
	rm -rf build/dist build/wheel-test
	mkdir -p build/dist build/wheel-test/empty
	$(PIP) install --quiet 'setuptools>=77,<82'
	$(BIN)/python -c "from setuptools.build_meta import build_sdist; build_sdist('build/dist')" \
	  > build/dist/sdist.log
	$(PIP) wheel --quiet --no-deps --wheel-dir build/dist build/dist/*.tar.gz
	$(PYTHON) -m venv build/wheel-test/venv
	$(if $(TORCH_INDEX),build/wheel-test/venv/bin/pip install --quiet --index-url $(TORCH_INDEX) $(TORCH))
	build/wheel-test/venv/bin/pip install --quiet build/dist/*.whl
	cd build/wheel-test/empty && QT_QPA_PLATFORM=offscreen ../venv/bin/python -I \
	  $(CURDIR)/tests/installed/check_installed.py
	@ls -l build/dist/*.whl build/dist/*.tar.gz

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
