"""Provenance of an output: software versions, parameters and digests of its inputs."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from groupwise.digests import digest_of_file

#: Packages whose versions affect a result; each sidecar lists those that are installed.
SOFTWARE = (
    *("groupwise", "mne", "mne-bids", "mne-nirs", "nilearn", "nibabel", "statsmodels"),
    *("autoreject", "numpy", "scipy", "scikit-learn", "numba", "pandas"),
)


def software() -> dict[str, str]:
    """Return the versions of Python and of the packages that affect a result."""
    found = {"python": platform.python_version()}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def provenance(params: dict[str, Any], sources: list[str | os.PathLike]) -> dict[str, Any]:
    """Return the provenance part of a sidecar: software, parameters, digests of the inputs.

    It contains no times, so that the same inputs give the same bytes. Hence the parameter `given`
    (size and date of input files, by which Snakemake detects a replaced one) is left out.
    """
    params = {key: value for key, value in params.items() if key != "given"}
    return {
        "GeneratedBy": [{"Name": "groupwise", "Version": version("groupwise")}],
        "Software": software(),
        "Parameters": params,
        "SourceDigests": {str(path): digest_of_file(path) for path in sources},
    }
