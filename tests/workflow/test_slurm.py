"""The workflow on a real SLURM cluster, and what may go wrong there.

After each fault a rerun computes only what is missing, and the null is that of a local run, byte
for byte.
"""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.workflow import map_study as maps
from tests.workflow.slurm_cluster import on_cluster
from tests.workflow.study_trees import Plan, snakemake

NULL = "results/group/reward/oneSample/null.npz"
BLOCKS = "results/group/reward/oneSample/blocks"


def config(**changes):
    """All 256 flips of nine subjects in two blocks, as a job costs seconds to start."""
    raw = maps.config(Path(), block_size=128, **changes)
    raw["analyses"]["reward"]["permutations"] = 256
    return raw


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The study run here, up to the maps of the group."""
    folder = tmp_path_factory.mktemp("local")
    maps.write_maps(folder)
    run = snakemake(folder, config(), "--cores", "2", "group")
    assert run.returncode == 0, run.text
    return folder


@pytest.fixture
def prepared(local, tmp_path):
    """The study before its permutations."""
    shutil.copytree(local, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / BLOCKS)
    shutil.rmtree(tmp_path / "results/group/reward/oneSample/infer")
    (tmp_path / NULL).unlink()
    assert Plan(tmp_path, config()).jobs["permute_block"] == 2
    return tmp_path


def blocks(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / BLOCKS).glob("*.npz")}


def same(local, folder):
    return (local / NULL).read_bytes() == (folder / NULL).read_bytes()


def running(cluster, name="permute_block"):
    """Jobs of a rule that run, by number and node."""
    lines = cluster.query("squeue", "-h", "-t", "R", "-o", "%A %N %k")
    return [line.split()[:2] for line in lines if name in line]


def test_a_study_gives_the_bytes_of_a_local_run(cluster, local, tmp_path):
    for path in [*local.glob("con_*"), local / "maps.tsv"]:
        shutil.copy2(path, tmp_path)
    run = on_cluster(cluster, tmp_path, config(), "group")
    assert run.returncode == 0, run.text
    ours = tmp_path / "results/group/reward"
    theirs = local / "results/group/reward"
    names = ["stack/stack.npy", "oneSample/prepared/values.npy", "oneSample/null.npz"]
    names += ["oneSample/infer/maps.npz", "oneSample/infer/clusters.tsv"]
    names += [str(p.relative_to(theirs)) for p in theirs.glob("oneSample/blocks/*.npz")]
    names += [str(p.relative_to(theirs)) for p in theirs.glob("oneSample/maps/*.nii.gz")]
    assert len(names) > 10
    for name in names:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    # Stack, prepare, two blocks, and one job of all that follows.
    assert len(set(run.submitted)) == 5
    assert "jobs, " in run.text and "elapsed" in run.text


def test_a_failing_job_keeps_what_is_finished(cluster, local, prepared):
    values = prepared / "results/group/reward/oneSample/prepared/values.npy"
    first = f"{BLOCKS}/block-00000000_size-128.npz"
    assert snakemake(prepared, config(), "--cores", "1", first).returncode == 0
    kept, content, before = blocks(prepared), values.read_bytes(), values.stat()
    values.write_bytes(content[:-100])
    os.utime(values, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = f"{BLOCKS}/block-00000128_size-128.npz"
    failed = on_cluster(cluster, prepared, config(), "--retries", "0", second)
    assert failed.returncode == 1
    log = prepared / "results/logs/permute_block_reward_oneSample_00000128_128.log"
    assert "values.npy" in log.read_text() and "prepare again" in log.read_text()
    assert str(log.name) in failed.text
    assert blocks(prepared) == kept
    values.write_bytes(content)
    os.utime(values, ns=(before.st_atime_ns, before.st_mtime_ns))
    rest = snakemake(prepared, config(), "--cores", "2", NULL)
    assert rest.returncode == 0 and rest.jobs["permute_block"] == 1, rest.text
    assert kept.items() <= blocks(prepared).items() and same(local, prepared)


def test_a_cancelled_job(cluster, local, prepared):
    started = on_cluster(cluster, prepared, config(), "--retries", "0", NULL, wait=False)
    (job, _), *_ = cluster.wait(lambda: running(cluster))
    cluster.call("scancel", job)
    run = started.result()
    assert run.returncode == 1 and "CANCELLED" in run.text, run.text
    kept = blocks(prepared)
    assert len(kept) == 1
    rest = snakemake(prepared, config(), "--cores", "2", NULL)
    assert rest.returncode == 0 and rest.jobs["permute_block"] == 1, rest.text
    assert kept.items() <= blocks(prepared).items() and same(local, prepared)


def test_a_killed_controller(cluster, local, prepared):
    started = on_cluster(cluster, prepared, config(), NULL, wait=False)
    cluster.wait(lambda: len(running(cluster)) == 2)
    started.process.send_signal(signal.SIGKILL)
    started.result()
    # Jobs that were submitted end by themselves.
    cluster.wait(lambda: not cluster.query("squeue", "-h", "-t", "R,PD"))
    kept = blocks(prepared)
    assert len(kept) == 2
    locked = on_cluster(cluster, prepared, config(), NULL)
    assert locked.returncode == 1 and "unlock" in locked.text
    assert on_cluster(cluster, prepared, config(), "--unlock").returncode == 0
    rest = on_cluster(cluster, prepared, config(), NULL)
    assert rest.returncode == 0, rest.text
    assert "permute_block" not in rest.jobs
    assert kept.items() <= blocks(prepared).items() and same(local, prepared)


def test_a_node_goes_down(cluster, local, prepared):
    """SLURM gives its jobs to another node, or the profile tries them again there."""
    started = on_cluster(cluster, prepared, config(), NULL, wait=False)
    (_, node), *_ = cluster.wait(lambda: running(cluster))
    cluster.kill_node(node)
    while started.process.poll() is None:
        for job in cluster.query("squeue", "-h", "-t", "PD", "-o", "%A"):
            cluster.query("scontrol", "update", f"jobid={job}", "starttime=now")  # not in two min
        time.sleep(1)
    cluster.start_node(node)
    run = started.result()
    assert run.returncode == 0, run.text
    assert same(local, prepared)


def test_a_retry_gets_more_memory(cluster, local, prepared):
    """SLURM ends the first try for its memory; the next asks for more."""
    tight = "permute_block:mem_mb=120 if attempt < 2 else 900"
    block = f"{BLOCKS}/block-00000128_size-128.npz"
    run = on_cluster(cluster, prepared, config(), "--set-resources", tight, "--", block)
    assert run.returncode == 0, run.text
    assert len(run.submitted) == 2 and "Trying to restart" in run.text
    assert (prepared / block).read_bytes() == (local / block).read_bytes()


def test_an_interrupt_ends_the_jobs_and_leaves_no_lock(cluster, prepared):
    started = on_cluster(cluster, prepared, config(), NULL, wait=False)
    cluster.wait(lambda: running(cluster))
    started.process.send_signal(signal.SIGINT)
    assert started.result().returncode != 0
    cluster.wait(lambda: not cluster.query("squeue", "-h", "-t", "R,PD"))
    plan = snakemake(prepared, config(), "-n", NULL)
    assert plan.returncode == 0 and "unlock" not in plan.text, plan.text
