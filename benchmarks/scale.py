"""Time the dry run and the status of a study with 500 subjects and 10,000 blocks.

The files of the study are empty, since the plan only needs file names.
Usage: python benchmarks/scale.py
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from groupwise.command.status import planned, read_status, status_page  # noqa: E402
from tests.workflow.study_trees import make_config, make_tree, write_config  # noqa: E402

SUBJECTS, BLOCKS = 500, 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_tree(folder, subjects=[f"{k:03d}" for k in range(1, SUBJECTS + 1)])
        size = 10
        config = make_config(folder, block_size=size)
        config["analyses"]["modality_by_side"]["permutations"] = BLOCKS // 3 * size
        path = write_config(folder, config)
        snakefile = str(ROOT / "Snakefile")

        begin = time.perf_counter()
        with planned(snakefile, str(path), name) as workflow:
            jobs = Counter(job.rule.name for job in workflow.dag.jobs)
        print(f"plan in process: {time.perf_counter() - begin:.1f} s, {jobs.total()} jobs, "
              f"{jobs['permute_block']} blocks, {jobs['preprocess']} subjects")  # fmt: skip
        begin = time.perf_counter()
        status_page(read_status(snakefile, str(path), name), 2)
        print(f"status: {time.perf_counter() - begin:.1f} s")
        command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--configfile"]
        begin = time.perf_counter()
        subprocess.run([*command, path, "--directory", name, "-n", "-q"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        print(f"snakemake -n: {time.perf_counter() - begin:.1f} s")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak memory of the dry run: {peak:.0f} MB")


if __name__ == "__main__":
    main()
