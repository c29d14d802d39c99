"""A SLURM cluster for the tests that ask for one."""

import pytest
from slurm_cluster import INSTALL, Cluster, missing_programs


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of two nodes, for the tests of a file; skipped where SLURM is not installed."""
    if absent := missing_programs():
        pytest.skip(f"no SLURM here ({', '.join(absent)} missing): {INSTALL}")
    # Sockets have short paths.
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    yield cluster
    cluster.stop()
