# `make demo` and `make test` work on a fresh machine with Python 3.10 or newer: each sets up what it needs in .venv.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 4
RUN = $(VENV)/bin/python
PACKAGES = aimlapi_transport langchain_aimlapi llama_index_aimlapi aimlapi_emulator aimlapi_cli aimlapi_batch

.PHONY: demo test test-ray test-browser quick quick-langchain quick-llama-index lint types docs pictures notebooks dist check-wheel reliability fuzz soak audit bench record record-emulated format clean

demo: $(VENV)/.demo  ## both frameworks at work: streaming, an agent, RAG
	@$(RUN) examples/demo.py

test: $(VENV)/.dev  ## every test, offline, four at a time; JOBS=1 for one after the other
	$(RUN) -m pytest -q -n $(JOBS) --dist worksteal

quick: $(VENV)/.dev  ## the pure laws, in 20 seconds: no process, no server
	@$(MAKE) --no-print-directory -j2 quick-langchain quick-llama-index

quick-langchain quick-llama-index: quick-%:  # side by side: importing a framework takes as long as its laws
	@$(RUN) -m pytest -q -p no:xdist --quick $(if $(filter langchain,$*),tests/transport )tests/$(subst -,_,$*)

test-ray: $(VENV)/.dev  ## jobs on a Ray cluster of this machine; installs Ray where it can
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[ray]' \
		|| { echo "Ray cannot be installed here (pip install 'ray[data]'): its tests are left out."; exit 0; }; \
	$(RUN) -m pytest -q -p no:xdist tests/ray

test-browser: $(VENV)/.dev  ## the inspector's page in Chromium and Firefox; installs Playwright, and browsers where it may
	@$(RUN) -m pip install --quiet --disable-pip-version-check playwright websockets \
		|| { echo "Playwright cannot be installed here: the browser's tests are left out."; exit 0; }; \
	$(RUN) -m tests.browser.browser || exit 0; \
	$(RUN) -m pytest -q -p no:xdist tests/browser

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev
	$(RUN) -m mypy

docs: $(VENV)/.docs  ## the guides, into build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict  # --quiet would hide warnings from --strict, too
	@echo "build/site/index.html"

pictures: $(VENV)/.docs  ## what the guides show of the code: the house, a run of the demo, the tables of names
	$(RUN) tools/draw_house.py
	$(RUN) tools/draw_terminal.py
	$(RUN) tools/draw_inspector.py
	$(RUN) tools/write_names.py
	$(RUN) tools/write_figures.py

notebooks: $(VENV)/.dev  ## runs notebooks/source on the emulator and writes what it shows
	$(RUN) tools/build_notebooks.py $(ARGS)

dist: $(VENV)/.dist  ## every distribution, each installed alone; all on every Python of this machine; ARGS='--only NAME'
	$(RUN) tools/build_dist.py $(ARGS)

check-wheel: $(VENV)/.dev  ## the built wheel, alone with each extra
	$(RUN) tools/check_wheel.py

reliability: $(VENV)/.dev  ## every fault and life-cycle check, by every call of both frameworks, as a table
	$(RUN) -m tests.reliability

fuzz: $(VENV)/.dev  ## noise and mutated replies for the readers and both frameworks; EXAMPLES=20000
	FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) $(RUN) -m pytest -q tests/reliability/test_fuzz.py

soak: $(VENV)/.dev  ## load, then a mix of everything while memory is watched; SECONDS=600
	$(RUN) -W ignore -m tests.load --seconds $(or $(SECONDS),600)

audit: $(VENV)/.dev  ## known vulnerabilities of what is installed; needs the network
	$(RUN) -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)/bin/pip-audit --skip-editable

bench: $(VENV)/.bench  ## speed, beside the peers and the floors; QUICK=1 for a short run, PUBLISH=1 for the docs, ARGS='--rows call'
	$(RUN) -m tests.benchmarks $(if $(QUICK),--quick) $(if $(PUBLISH),--publish) $(ARGS)
	$(RUN) -m tests.benchmarks.batches $(if $(QUICK),--quick)
	$(RUN) -m tests.benchmarks.inspector $(if $(QUICK),--quick)

record: $(VENV)/.dev  ## records the published cassettes again, live; needs AIMLAPI_API_KEY
	$(RUN) tools/record_cassettes.py $(ARGS)

record-emulated: $(VENV)/.dev  ## records the emulated cassettes again
	$(RUN) tools/record_cassettes.py --emulated

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.dev
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

$(VENV)/.dist: $(VENV)/bin/python pyproject.toml
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dist]'
	@touch $@
