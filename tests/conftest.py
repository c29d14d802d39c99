"""One thread for each test process; and the order of the tests."""

import os

# Matrices are small here, and the threads of several test processes would wait for each other's
# cores: with two threads each, the tests of the Maxwell filter took ten times as long.
# Before the first import of NumPy.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items):
    """Studies first, since a file of them takes minutes of one core at the end."""
    items.sort(key=lambda item: item.path.parent.name != "workflow")
