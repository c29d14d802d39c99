# Requires python3 (3.11 or newer), pip, make and git; `make env` installs everything else.
.DELETE_ON_ERROR:
.PHONY: env demo test test-slow test-peers bench bench-pipeline docs lint format generate lock clean

PYTHON ?= python3
UV_VERSION = 0.13.8
UV = .tools/bin/uv
BIN = .venv/bin

env: .venv/.ready

# uv is installed in .tools, so that neither ensurepip nor a writable site-packages is needed.
$(UV):
	$(PYTHON) -m pip install --quiet --target .tools uv==$(UV_VERSION)

# Byte code is made now: where PYTHONDONTWRITEBYTECODE is set, as in many containers, each job would
# compile all that it imports, which takes longer than the imports themselves.
.venv/.ready: pyproject.toml requirements.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	$(BIN)/python -m compileall -q src
	touch $@

# Generate the demo data, and compute the report of the demo study.
demo: env
	$(BIN)/python -m groupwise.demo demo --jobs 2
	$(BIN)/snakemake --cores all --workflow-profile workflow/profiles/default
	@echo "The report: results/report.html"

# Test files are distributed over the processes, long ones first; tests of a file share its studies.
# There is one process more than cores, because tests of SLURM and of killed runs mostly wait.
test: env lint
	$(BIN)/python -m compileall -q src
	$(BIN)/pytest --numprocesses $$(expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadfile --no-loadscope-reorder

# Calibrations that take minutes to hours; docs/validation.md has their results.
test-slow: env
	$(BIN)/pytest -m slow

# Run mne-bids-pipeline on the demo study, as an independent check of its data.
test-peers: env .peers/.ready
	$(BIN)/pytest -m peers

.peers/.ready: tests/peers/requirements.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .peers
	$(UV) pip install --quiet --compile-bytecode --python .peers/bin/python -r tests/peers/requirements.txt
	touch $@

# Compare speed and memory with peers; about ten minutes on an idle machine.
bench: env .bench/.ready
	.bench/bin/python benchmarks/run.py

.bench/.ready: benchmarks/requirements.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .bench
	$(UV) pip install --quiet --compile-bytecode --python .bench/bin/python -r benchmarks/requirements.txt
	$(UV) pip install --quiet --python .bench/bin/python --no-deps --editable .
	touch $@

# Compare the MEG demo study with mne-bids-pipeline; about fifteen minutes on an idle machine.
bench-pipeline: env .peers/.ready
	$(BIN)/python benchmarks/pipeline.py

docs: env
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build
	@echo "The docs: docs/_build/index.html"

lint: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/lint-imports
	$(BIN)/mypy

format: env
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/snakefmt Snakefile workflow

# Generate the schema, the default config and its reference, and the conda pins.
generate: env
	$(BIN)/python -m groupwise.config.document

lock: | $(UV)
	$(UV) pip compile --quiet --upgrade --python-version 3.11 --extra dev --extra slurm \
	    --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt

clean:
	rm -rf .venv .tools .peers .bench .snakemake demo results logs
