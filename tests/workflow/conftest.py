"""A SLURM cluster and followed tutorials, for the tests that ask for them."""

import pytest

from tests.workflow.docs_pages import follow
from tests.workflow.slurm_cluster import INSTALL, Cluster, missing_programs


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of two nodes, for the tests of a file; skipped where SLURM is not installed."""
    if absent := missing_programs():
        pytest.skip(f"no SLURM here ({', '.join(absent)} missing): {INSTALL}")
    # Sockets have short paths.
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def followed(request, tmp_path_factory):
    """The test file's TUTORIAL followed word by word: a folder, and what each command printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    return folder, follow(request.module.TUTORIAL, folder)


@pytest.fixture(scope="module")
def study(followed):
    """The folder of a followed tutorial; files with another study have a fixture of their own."""
    return followed[0]
