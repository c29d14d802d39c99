#!/usr/bin/env bash
# With --software-deployment-method conda Snakemake runs this in the environment that it made: the
# library itself is no conda package. workflow/functions/common.smk sets the folder of the clone.
set -euo pipefail
python -m pip install --no-deps "${GROUPWISE_SOURCE:?is not set: run Snakemake on the Snakefile of a clone}"
