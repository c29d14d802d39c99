"""Compare Groupwise and mne-bids-pipeline on the MEG demo study, with the same stages.

    make bench-pipeline   # about fifteen minutes; prints a table for docs/benchmarks.md

Both start from raw BIDS without any outputs and end with the source estimates (dSPM) of all
conditions and subjects on fsaverage: filter at 40 Hz, SSP, epochs and their rejection, evoked
responses, noise covariance (shrunk), head model, source space (oct5), forward and inverse solution,
morph. Then the pipeline averages over subjects, and Groupwise tests auditory against visual (all
128 flips, clusters). Both make the figures of each subject and write reports.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "tests/peers"
#: Steps that the demo study needs; BEM surfaces exist.
STEPS = (
    "init,preprocessing,sensor/make_evoked,sensor/make_cov,source/make_bem_solution,"
    "source/setup_source_space,source/make_forward,source/make_inverse,source/group_average"
)


def study(demo: Path, output: Path) -> dict:
    """Return the config of the study that the config of the pipeline describes."""
    return {
        "study": "audvis",
        "bids_root": str(demo / "bids"),
        "output": str(output),
        "meeg": {
            "task": "audvis",
            "subjects_dir": str(demo / "subjects"),
            "filter": {"h_freq": 40},
            "artifacts": {"method": "ssp"},
            "epochs": {
                "tmin": -0.2,
                "tmax": 0.5,
                "baseline": [None, 0],
                "reject": {"grad": 1000e-13, "mag": 4000e-15},
                "equalize": False,
            },
            "conditions": {f"{m}/{s}": f"{m}/{s}" for m in ("auditory", "visual")
                           for s in ("left", "right")},
            "covariance": {"method": ["shrunk"]},
            "source_space": {"spacing": "oct5"},
        },
        "analyses": {
            "modality": {
                "data": "meeg",
                "within": {"modality": ["auditory", "visual"], "side": ["left", "right"]},
                "contrasts": {"auditoryOverVisual": "auditory - visual"},
            }
        },
    }  # fmt: skip


def timed(command: list, **options) -> tuple[float, float]:
    """Return wall and CPU seconds of a command with its child processes."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, **options)
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    used = after.children_user + after.children_system
    return wall, used - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    single = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        make = [sys.executable, "-c",
                "import sys; from groupwise.demo.study import make_demo; "
                "make_demo(sys.argv[1], subjects=int(sys.argv[2]))"]  # fmt: skip
        timed([*make, str(demo), str(asked.subjects)])
        print("| | cores | wall (s) | CPU (s) |\n|---|---|---|---|", flush=True)
        for cores in asked.cores:
            output = Path(folder) / f"results{cores}"
            config = Path(folder) / "study.yaml"
            config.write_text(yaml.safe_dump(study(demo, output)), encoding="utf-8")
            command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile"]
            command += ["--configfile", config, "--directory", folder, "--cores", str(cores)]
            wall, cpu = timed(command, env=single)
            print(f"| Groupwise | {cores} | {wall:,.0f} | {cpu:,.0f} |", flush=True)
        program = ROOT / ".peers/bin/mne_bids_pipeline"
        command = [program, f"--config={PEERS / 'mne_bids_pipeline_config.py'}", f"--steps={STEPS}"]
        wall, cpu = timed(command, env={**single, "GROUPWISE_DEMO": str(demo)})
        print(f"| mne-bids-pipeline | 1 | {wall:,.0f} | {cpu:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
