"""Measure the time per permutation against size, and memory, threads and start-up of a worker.

Part of `make bench`: prints a Markdown table and plots the second figure of the benchmarks.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import arrays
import numpy as np

HERE = Path(__file__).parent
#: Code of a worker: load a prepared effect, compute permutations, print time and memory.
WORKER = """
import json, re, sys, time
start = time.perf_counter()
from groupwise.permutation.blocks import run_block
from groupwise.permutation.prepare import Prepared
imported = time.perf_counter()
assert "mne" not in sys.modules and "nilearn" not in sys.modules
prepared = Prepared.load(sys.argv[1])
run_block(prepared, 0, int(sys.argv[2]), threads=int(sys.argv[3]))
whole = time.perf_counter() - start
# Not getrusage: its peak includes that of the parent process before the fork.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps({"import": imported - start, "whole": whole, "peak_mb": peak / 1024}))
"""


def worker(folder: str, permutations: int, threads: int = 1, cache: str | None = None) -> dict:
    """Return the seconds and memory of a worker process."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    extra = {"NUMBA_CACHE_DIR": cache} if cache else {}
    command = [sys.executable, "-c", WORKER, folder, str(permutations), str(threads)]
    done = subprocess.run(
        command, env={**os.environ, **single, **extra}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def prepared_of(x: np.ndarray, adjacency, n_times: int, **options):
    """Return the prepared one-sample test of x (subjects, points)."""
    from groupwise.permutation.prepare import prepare
    from groupwise.stats import OneSample

    options = {"threshold": {"p": 0.001}} | options
    return prepare(x[:, None], OneSample(), adjacency, n_times=n_times, **options)


def milliseconds(prepared, permutations: int = 1000) -> float:
    """Return milliseconds per permutation, the best of three measurements."""
    from groupwise.permutation.blocks import run_block

    run_block(prepared, 0, 10)
    found = []
    for _ in range(3):
        times = []
        for count in (100, 100 + permutations):
            start = time.perf_counter()
            run_block(prepared, 0, count)
            times.append(time.perf_counter() - start)
        found.append(1000 * (times[1] - times[0]) / permutations)
    return min(found)


def curves() -> dict[str, list[tuple[float, float]]]:
    """Return milliseconds per permutation against subjects, tests and threshold."""
    adjacency = arrays.surface_adjacency()
    half = adjacency[:10242][:, :10242]
    x = arrays.surface_maps(subjects=64)[:, 0, :10242, :50]
    flat = x.reshape(64, -1)
    found: dict[str, list[tuple[float, float]]] = {"subjects": [], "tests": [], "threshold p": []}
    for n in (12, 16, 24, 32, 48, 64):
        found["subjects"].append((n, milliseconds(prepared_of(flat[:n], half, 50))))
    for times in (1, 5, 25, 50):
        some = np.ascontiguousarray(x[:16, :, :times]).reshape(16, -1)
        found["tests"].append((some.shape[1], milliseconds(prepared_of(some, half, times), 2000)))
    whole = arrays.surface_maps()[:, 0].reshape(16, -1)
    found["tests"].append(
        (whole.shape[1], milliseconds(prepared_of(whole, adjacency, arrays.TIMES)))
    )
    for p in (0.05, 0.02, 0.01, 0.005, 0.001, 0.0001, 0.00001):
        one = prepared_of(flat[:16], half, 50, threshold={"p": p})
        found["threshold p"].append((p, milliseconds(one)))
    return found


def two_threads(prepared, permutations: int = 4000) -> float:
    """Return the speed-up of two threads over one, the median of seven rounds."""
    from groupwise.permutation.blocks import run_block

    run_block(prepared, 0, 10)
    ratios = []
    for _ in range(7):
        taken = []
        for threads in (1, 2):
            start = time.perf_counter()
            run_block(prepared, 0, permutations, threads=threads)
            taken.append(time.perf_counter() - start)
        ratios.append(taken[0] / taken[1])
    return float(np.median(ratios))


def facts() -> dict[str, float]:
    """Return start-up, memory and threads of workers on the source maps of the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        whole = arrays.surface_maps()[:, 0].reshape(16, -1)
        prepared = prepared_of(whole, arrays.surface_adjacency(), arrays.TIMES)
        prepared.save(folder)
        faster = two_threads(prepared)
        del prepared, whole
        size = (Path(folder) / "values.npy").stat().st_size / 2**20
        worker(folder, 2)
        one = {count: worker(folder, count) for count in (1000, 5000, 20000)}
        with tempfile.TemporaryDirectory() as cache:
            cold = worker(folder, 2, cache=cache)
            warm = worker(folder, 2, cache=cache)
    return {
        "data file, MB": size,
        **{f"peak of a worker, {count:,} permutations, MB": one[count]["peak_mb"] for count in one},
        "seconds for 1,000 permutations, start-up included": one[1000]["whole"],
        "seconds for 20,000 permutations": one[20000]["whole"],
        "speed-up of two threads": faster,
        "cold start (compiles), s": cold["whole"],
        "warm start, s": warm["whole"],
        "imports in a warm start, s": warm["import"],
    }


def plot(found: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Plot the time per permutation against each quantity."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    titles = {
        "subjects": "subjects\n(512,100 tests, p < .001)",
        "tests": "tests\n(16 subjects, p < .001)",
        "threshold p": "cluster-forming p\n(16 subjects, 512,100 tests)",
    }
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
    for axis, (name, points) in zip(axes, found.items(), strict=True):
        axis.plot(*zip(*points, strict=True), "o-", color="#0072B2")
        axis.set_xlabel(titles[name])
        if name != "subjects":
            axis.set_xscale("log")
        if name == "tests":
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("ms per permutation, one core")
    figure.savefig(path, dpi=150)


def section(image: Path) -> str:
    """Plot the figure, and return the table for the docs."""
    plot(curves(), image)
    lines = [f"| {name} | {value:,.3g} |" if value < 100 else f"| {name} | {value:,.0f} |"
             for name, value in facts().items()]  # fmt: skip
    return "\n".join(["| one worker on the one-sample source maps | |", "|---|---|", *lines])


if __name__ == "__main__":
    print(section(HERE.parent / "docs/images/scaling.png"))
