"""Groupwise and its peers on the same arrays, one core each, in one run.

    make bench            # a table in docs/benchmarks.md and a plot beside it

Each measurement is a process of its own, tools take turns, medians over rounds are shown.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import scaling

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"

#: Measurements: description of the work, case, and tools; Groupwise is the first.
WORK = [
    ("one-sample, 16 subjects, 20,484 vertices × 200 times, clusters", "source_onesample",
     ["groupwise", "mne", "eelbrain"]),
    ("the same with relative hat 0.001, clusters", "source_hat", ["groupwise", "mne"]),
    ("3-level within effect (d = 2), same size, clusters", "source_within3", ["groupwise", "mne"]),
    ("the same one-sample maps, threshold-free (TFCE), two-sided", "source_tfce",
     ["groupwise", "wheel", "eelbrain"]),
    ("9 conditions × 16 subjects, 69,765 voxels, pooled error with blocks, clusters",
     "voxel_pooled", ["groupwise", "nilearn"]),
    ("the same contrast, partitioned error (flips of 16 maps), clusters", "voxel_flips",
     ["groupwise", "nilearn"]),
    ("the same flips, threshold-free (TFCE), two-sided", "voxel_tfce", ["groupwise", "nilearn"]),
]  # fmt: skip
NAMES = {"groupwise": "Groupwise", "mne": "MNE", "eelbrain": "Eelbrain", "nilearn": "nilearn",
         "wheel": "tfce"}  # fmt: skip


def measure(case: str, tool: str) -> dict:
    """Return one measurement on one core."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, "-W", "ignore", "cases.py", case, tool]
    done = subprocess.run(
        command, cwd=HERE, env={**os.environ, **single}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{case}, {tool}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def shown(milliseconds: float) -> str:
    """Return a time as text with three digits, without an exponent."""
    return f"{milliseconds:,.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"


def table(results: dict) -> str:
    """Return a Markdown table of milliseconds per permutation, memory and speed-up."""
    lines = [
        "| work | Groupwise ms | peak MB | peer | ms | peak MB | speed-up |",
        "|---|---|---|---|---|---|---|",
    ]
    for work, case, tools in WORK:
        if case not in results:
            continue
        mine = results[case]["groupwise"]
        for tool in tools[1:]:
            peer = results[case][tool]
            lines.append(
                f"| {work} | {shown(mine['ms'])} | {mine['peak_mb']:.0f} | {NAMES[tool]} | "
                f"{shown(peer['ms'])} | {peer['peak_mb']:.0f} | {peer['ms'] / mine['ms']:,.0f} |"
            )
    return "\n".join(lines)


def plot(results: dict, path: Path) -> None:
    """Plot milliseconds per permutation of every tool, one row per task, on a log scale."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    colours = {"groupwise": "#0072B2", "mne": "#D55E00", "nilearn": "#009E73",
               "eelbrain": "#CC79A7", "wheel": "#E69F00"}  # fmt: skip
    rows = [(work, case, tools) for work, case, tools in WORK if case in results]
    figure, axes = plt.subplots(figsize=(9, 0.85 * len(rows) + 1.2), layout="constrained")
    for row, (_, case, tools) in enumerate(rows):
        values = [results[case][tool]["ms"] for tool in tools]
        axes.plot([min(values), max(values)], [row, row], color="0.85", zorder=1)
        for place, (tool, value) in enumerate(zip(tools, values, strict=True)):
            axes.scatter(value, row, s=70, color=colours[tool], zorder=2)
            # Alternate names above and below, so that neighbours do not overlap.
            height, align = (8, "bottom") if place % 2 == 0 else (-8, "top")
            axes.annotate(
                f"{NAMES[tool]} {shown(value)}", (value, row), xytext=(0, height), va=align,
                ha="center", fontsize=8, textcoords="offset points",
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [work.replace(", ", "\n", 1) for work, _, _ in rows])
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(x=0.12, y=0.25)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds per permutation, one core")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="cases to measure; only these are shown")
    arguments = parser.parse_args()
    runs: dict = {}
    for turn in range(arguments.rounds):
        for _, case, tools in WORK:
            if arguments.only and case not in arguments.only:
                continue
            for tool in tools:
                found = measure(case, tool)
                print(f"round {turn + 1}: {case}, {tool}: {found['ms']:.3g} ms", flush=True)
                runs.setdefault(case, {}).setdefault(tool, []).append(found)
    results = {
        case: {
            tool: {key: statistics.median(r[key] for r in found) for key in ("ms", "peak_mb")}
            for tool, found in tools.items()
        }
        for case, tools in runs.items()
    }
    peers = ", ".join(f"{p} {version(p)}" for p in ("mne", "eelbrain", "nilearn", "tfce", "numba"))
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    head = text[: text.index("<!-- measured -->")]
    (DOCS / "benchmarks.md").write_text(
        f"{head}<!-- measured -->\n\n{table(results)}\n\nMedians of {arguments.rounds} rounds, "
        f"{platform.machine()}, Python {platform.python_version()}, {peers}.\n\n"
        "![Milliseconds per permutation of each tool](images/benchmarks.png)\n\n"
        f"## Size, memory and start-up\n\n{scaling.section(DOCS / 'images/scaling.png')}\n\n"
        "![Time per permutation against subjects, tests and threshold](images/scaling.png)\n\n"
        f"{text[text.index('## Comparison with mne-bids-pipeline') :]}",
        encoding="utf-8",
    )
    plot(results, DOCS / "images/benchmarks.png")


if __name__ == "__main__":
    main()
