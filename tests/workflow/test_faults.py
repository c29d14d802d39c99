"""Killed jobs, a full disk, damaged files, changed inputs, two runs at once, a wrong clock.

Never a wrong result, never a lost finished block, and a message that says what to do.
"""

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from groupwise.errors import InputError
from groupwise.files import write_json, write_whole_folder
from groupwise.permutation.blocks import Block
from groupwise.permutation.merge import Null, merge
from groupwise.stack.store import read_stack, write_stack
from groupwise.stack.volumes import volume_space
from tests.workflow import map_study as maps
from tests.workflow.study_trees import ROOT, Plan, snakemake, without_stamps, write_config

EFFECT = "results/group/reward/oneSample"
NULL = f"{EFFECT}/null.npz"


def config(block_size=64, **changes):
    """All 256 flips of nine subjects in four blocks."""
    raw = maps.config(Path(), block_size=block_size, **changes)
    raw["analyses"]["reward"]["permutations"] = 256
    return raw


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The study run up to the maps of the group, and never touched again."""
    folder = tmp_path_factory.mktemp("finished")
    maps.write_maps(folder)
    run = snakemake(folder, config(), "--cores", "2", "group")
    assert run.returncode == 0, run.text
    return folder


@pytest.fixture
def study(finished, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(finished, tmp_path / "study")


def blocks(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / EFFECT).glob("blocks/*")}


def same(one, other):
    return (one / NULL).read_bytes() == (other / NULL).read_bytes()


# Writers, killed. Each writes one of two contents over and over.


def block_of(version):
    rng = np.random.default_rng(version)
    k = 20_000
    return Block(
        start=0, stop=k, statistic=rng.normal(size=(k, 2)), mass=rng.normal(size=(k, 1, 2)),
        size=rng.integers(0, 9, (k, 1, 2)), tfce=np.zeros((k, 0)), sides=(1, -1),
        digest=str(version), distinct=k,
    )  # fmt: skip


def write_block(path, version):
    block_of(version).save(path / "block.npz")


def write_null(path, version):
    merge([block_of(version)], 20_000).save(path / "null.npz")


def a_space():
    return volume_space(np.ones((30, 30, 20), bool), np.eye(4), name="MNI", connectivity="faces")


def write_maps(path, version):
    data = np.full((9, 18_000), version, np.float32)
    table = pd.DataFrame({"subject": [f"{k:02d}" for k in range(9)]})
    write_stack(path, data, table, a_space(), units="", description="", provenance={})


def write_folder(path, version):
    with write_whole_folder(path / "figures") as part:
        for k in range(20):
            (part / f"{k}.png").write_bytes(bytes([version]) * 200_000)
        write_json(part / "figures.json", {"version": version})


def over_and_over(write, path, ready, version):
    while True:
        write(path, version)
        ready.set()
        version = 1 - version


def read_back(path):
    """Versions of what stands in a folder; anything half-written raises."""
    found = set()
    for name, kind in (("block.npz", Block), ("null.npz", Null)):
        if (path / name).exists():
            found.add(int(kind.load(path / name).digest))
    if (path / "stack.json").exists():
        try:
            found.add(int(read_stack(path).data[0, 0]))
        except InputError:
            # Four files, one after the other: a mixture is told by its digests, never read.
            assert (path / "stack.npy").stat().st_size == 128 + 9 * 18_000 * 4
    if (path / "figures").exists():
        figures = [(path / f"figures/{k}.png").read_bytes() for k in range(20)]
        assert {len(figure) for figure in figures} == {200_000}
        found |= {figure[0] for figure in figures}
        assert len({figure[0] for figure in figures}) == 1
    return found


@pytest.mark.parametrize("write", [write_block, write_null, write_maps, write_folder])
def test_writers_killed_at_random_moments_leave_whole_files(write, tmp_path):
    """Sixteen kills a writer, 64 in all: what stands there is one content or the other."""
    context = multiprocessing.get_context("fork")
    rng = np.random.default_rng(16)
    seen = set()
    for k in range(16):
        ready = context.Event()
        process = context.Process(target=over_and_over, args=(write, tmp_path, ready, k % 2))
        process.start()
        assert ready.wait(60)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        seen |= read_back(tmp_path)
    # Of a stack's four files most kills leave a mixture, which is told; the others are one file.
    assert seen == {0, 1} or write is write_maps
    for version in (0, 1):  # whatever the kills left, the next write is whole
        write(tmp_path, version)
        assert read_back(tmp_path) == {version}


def test_a_run_killed_again_and_again_computes_every_block_once(finished, tmp_path):
    """The whole process group, at random moments of stages, blocks and merge."""
    for path in [*finished.glob("con_*"), finished / "maps.tsv"]:
        shutil.copy2(path, tmp_path)
    raw = config(block_size=32)  # eight blocks
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", str(write_config(tmp_path, raw)), "--cores", "2", NULL]
    rng = np.random.default_rng(5)
    kept: dict[str, int] = {}
    for _ in range(3):
        process = subprocess.Popen(
            command, cwd=tmp_path, start_new_session=True, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(4, 9))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        now = blocks(tmp_path)
        assert kept.items() <= now.items()
        # A block whose job did not end is computed again, even where its file is whole.
        states = Plan(tmp_path, raw).states
        done = {job.wildcards.get("start") for job in states if job.state == "done"}
        kept = {name: date for name, date in now.items() if name[6:14] in done}
        subprocess.run([*command, "--unlock"], cwd=tmp_path, capture_output=True)
    last = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr
    assert kept.items() <= blocks(tmp_path).items()
    assert same(finished, tmp_path)


def test_a_full_disk_is_reported_and_nothing_is_lost(finished, tmp_path):
    """A file system of 2 MB for the results; with more room the run goes on."""
    results = tmp_path / "results"
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(results)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        for path in [*finished.glob("con_*"), finished / "maps.tsv"]:
            shutil.copy2(path, tmp_path)
        filler = results / "filler"
        filler.write_bytes(bytes(1_800_000))
        run = snakemake(tmp_path, config(), "--cores", "2", NULL)
        assert run.returncode == 1
        told = re.search(r"(\S+): could not be written .* free space on the disk", run.text)
        assert told and not (tmp_path / told[1]).exists(), run.text
        assert not list(results.glob("**/.part.*"))
        subprocess.run(["mount", "-o", "remount,size=64m", str(results)], check=True)
        again = snakemake(tmp_path, config(), "--cores", "2", NULL)
        assert again.returncode == 0, again.text
        assert same(finished, tmp_path)
    finally:
        subprocess.run(["umount", str(results)], check=True)


# Damaged and foreign blocks.


def a_block(finished):
    return sorted((finished / EFFECT).glob("blocks/*.npz"))[2]


def test_no_flipped_bit_goes_unnoticed(finished, tmp_path):
    """Of 2,000 single bits: each is told, or changes nothing of what is read."""
    path = a_block(finished)
    whole, content = Block.load(path), path.read_bytes()
    rng = np.random.default_rng(0)
    told = 0
    for place in rng.choice(8 * len(content), 2000, replace=False):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        spoilt = tmp_path / "block.npz"
        spoilt.write_bytes(flipped)
        try:
            read = Block.load(spoilt)
        except InputError as error:
            told += "delete it, and it is computed again" in str(error)
            continue
        for name in ("statistic", "mass", "size", "tfce"):
            assert getattr(read, name).tobytes() == getattr(whole, name).tobytes(), place
        same = (read.start, read.stop, read.sides, read.digest, read.distinct)
        assert same == (whole.start, whole.stop, whole.sides, whole.digest, whole.distinct)
    assert told > 1000


def test_a_truncated_block_is_reported_at_any_length(finished, tmp_path):
    content = a_block(finished).read_bytes()
    for length in range(0, len(content), 37):
        (tmp_path / "block.npz").write_bytes(content[:length])
        with pytest.raises(InputError, match="delete it, and it is computed again"):
            Block.load(tmp_path / "block.npz")


def spoil(path, content):
    """Other bytes under the same date, as a disk spoils a file."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_damaged_block_is_named_and_it_alone_is_computed_again(finished, study):
    path = a_block(study)
    content = bytearray(path.read_bytes())
    content[content.index(b"statistic.npy") + 300] ^= 8  # within the values
    spoil(path, content)
    (study / NULL).unlink()
    run = snakemake(study, config(), "--cores", "2", NULL)
    assert run.returncode == 1 and path.name in run.text and "delete it" in run.text, run.text
    assert not (study / NULL).exists()
    path.unlink()
    again = snakemake(study, config(), "--cores", "2", NULL)
    assert again.returncode == 0 and again.jobs["permute_block"] == 1, again.text
    assert same(finished, study)


def test_a_block_of_another_analysis_is_refused(finished, study):
    path = a_block(study)
    block = Block.load(path)
    foreign = study / "foreign.npz"
    Block(**{**vars(block), "digest": "0" * 64}).save(foreign)
    spoil(path, foreign.read_bytes())
    (study / NULL).unlink()
    run = snakemake(study, config(), "--cores", "2", NULL)
    assert run.returncode == 1 and "not of one analysis" in run.text, run.text
    assert not (study / NULL).exists()


# Inputs that change, runs that meet, clocks that jump.


def test_an_input_replaced_by_an_older_file_is_noticed(study):
    """By its size and date: Snakemake looks for newer files alone."""
    assert not Plan(study, config()).jobs["stack_volumes"]
    path = study / "con_04.nii.gz"
    path.write_bytes((study / "con_02.nii.gz").read_bytes())
    os.utime(path, (1e9, 1e9))
    plan = Plan(study, config())
    assert plan.jobs["stack_volumes"] == 1 and plan.jobs["permute_block"] == 4
    (stale,) = [job for job in plan.states if job.rule == "stack_volumes"]
    assert stale.state == "stale" and stale.why == "replaced: con_04.nii.gz"


def test_a_replaced_map_is_looked_for(study):
    assert without_stamps(study, config()) == set()


def test_two_runs_with_one_output_do_not_meet(finished, tmp_path):
    """From one folder Snakemake's lock tells; from two, ours."""
    for path in [*finished.glob("con_*"), finished / "maps.tsv"]:
        shutil.copy2(path, tmp_path)
    raw = config(output=str(tmp_path / "results"))
    raw["maps"]["table"] = str(tmp_path / "maps.tsv")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", str(write_config(tmp_path, raw)), "--cores", "1"]
    target = str(tmp_path / NULL)
    first = subprocess.Popen([*command, target], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "results/.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    (tmp_path / "elsewhere").mkdir()
    other = subprocess.run(
        [*command, target], cwd=tmp_path / "elsewhere", capture_output=True, text=True
    )
    assert other.returncode == 1 and "another run writes here" in other.stderr, other.stderr
    assert f"process {first.pid}" in other.stderr
    beside = subprocess.run([*command, target], cwd=tmp_path, capture_output=True, text=True)
    assert beside.returncode == 1 and "cannot be locked" in beside.stderr
    assert first.wait(300) == 0
    assert same(finished, tmp_path)


def follow_remedy(text, folder):
    """Run the command that a refusal names."""
    command = re.search(r"run: (find .* \+); otherwise", text)[1]
    subprocess.run(command, shell=True, cwd=folder, check=True)


def test_outputs_from_the_future_are_refused_with_a_remedy(study):
    path = a_block(study)
    later = time.time() + 86400
    os.utime(path, (later, later))
    run = snakemake(study, config(), "--cores", "2", "--forcerun", "merge", "--", NULL)
    assert run.returncode == 1 and "which is in the future" in run.text, run.text
    assert path.name in run.text
    follow_remedy(run.text, study)
    again = snakemake(study, config(), "--cores", "2", "--forcerun", "merge", "--", NULL)
    assert again.returncode == 0, again.text


def test_a_clock_that_was_set_back_costs_a_block_and_no_more(finished, study):
    """Its block is dated days before its input, whose content Snakemake does not compare.

    It compares checksums of inputs below a megabyte, as this one, which would cost no block.
    """
    path = a_block(study)
    os.utime(path, (time.time() - 3 * 86400,) * 2)
    (study / NULL).unlink()
    assert not Plan(study, config()).jobs["permute_block"]
    run = snakemake(study, config(), "--cores", "2", "--max-checksum-file-size", "0", NULL)
    assert run.returncode == 0 and run.jobs["permute_block"] == 1, run.text
    assert same(finished, study)
    assert not Plan(study, config()).jobs["permute_block"]


def test_leftovers_of_killed_jobs_are_removed(study):
    part = study / EFFECT / ".part.null.npz.abcdefgh"
    part.mkdir()
    os.utime(part, (1e9, 1e9))
    (study / NULL).unlink()
    assert snakemake(study, config(), "--cores", "2", NULL).returncode == 0
    assert not part.exists()
