# A fresh machine needs python3 (3.11 or newer), pip, make and git: all else is set up here.
.DELETE_ON_ERROR:
.PHONY: env demo test test-slow test-peers lint format lock docs clean

PYTHON ?= python3
UV_VERSION = 0.13.8
UV = .tools/bin/uv
BIN = .venv/bin

env: .venv/.ready

# uv is put beside the project, not into the machine's Python; it needs neither ensurepip nor a
# writable site-packages.
$(UV):
	$(PYTHON) -m pip install --quiet --target .tools uv==$(UV_VERSION)

.venv/.ready: pyproject.toml requirements.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip install --quiet --python $(BIN)/python -r requirements.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

lock: | $(UV)
	$(UV) pip compile --quiet --upgrade --python-version 3.11 --extra dev --extra slurm \
	    --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt
