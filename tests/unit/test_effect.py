"""`Effect.read` takes the files of one analysis, and no others."""

import shutil

import numpy as np
import pandas as pd
import pytest

from groupwise.digests import digest_of_file
from groupwise.errors import InputError
from groupwise.figures.effect import Effect
from groupwise.files import write_json
from groupwise.permutation.blocks import run_block
from groupwise.permutation.infer import infer
from groupwise.permutation.merge import merge
from groupwise.permutation.prepare import prepare
from groupwise.permutation.table import describe_clusters, write_table
from groupwise.provenance import provenance
from groupwise.stack import write_stack
from groupwise.stack.volumes import volume_space
from groupwise.stats import OneSample


def write_effect(folder, seed):
    """Write the files of an effect as the workflow does, and return the inputs of a figure."""
    space = volume_space(np.ones((4, 5, 3), bool), np.eye(4), name="MNI")
    x = np.random.default_rng(seed).normal(1, 1, (8, space.n_points)).astype(np.float32)
    table = pd.DataFrame({"subject": [f"{k:02d}" for k in range(8)]})
    stack, null = folder / "stack", folder / "null.npz"
    write_stack(stack, x, table, space, units="1", description="test", provenance={"Seed": seed})
    options = {"threshold": {"p": 0.05}, "seed": 1}
    prepared = prepare(x[:, None], OneSample(), space.adjacency, **options)
    distribution = merge([run_block(prepared, 0, 64)], 64)
    distribution.save(null)
    result = infer(prepared, distribution)
    result.save_maps(folder / "maps.npz")
    write_table(folder / "clusters.tsv", describe_clusters(result, space))
    sources = [stack / "space.npz", stack / "stack.json", null]
    write_json(folder / "result.json", result.summary() | provenance({}, sources))
    return {
        "result": str(folder / "result.json"),
        "clusters": str(folder / "clusters.tsv"),
        "maps": str(folder / "maps.npz"),
        "null": str(null),
        "data": str(stack / "stack.npy"),
    }


@pytest.fixture
def files(tmp_path):
    return write_effect(tmp_path / "one", 1)


def test_an_effect_is_read(files):
    effect = Effect.read("analysis", files, None)
    assert effect.stack.data.shape == (8, 60) and len(effect.null) == 64
    assert effect.title == "analysis, one sample"


def test_the_maps_of_the_stack_are_not_read(files, monkeypatch):
    """Their digest was compared by `prepare`; it takes minutes for a stack of many GB."""
    hashed = []

    def digest_of(path):
        hashed.append(path.name)
        return digest_of_file(path)

    monkeypatch.setattr("groupwise.stack.store.digest_of_file", digest_of)
    Effect.read("analysis", files, None)
    assert hashed == ["observations.tsv", "space.npz"]


@pytest.mark.parametrize(
    ("mixed", "message"), [("data", "stack.json: not the stack"), ("null", "not the null")]
)
def test_files_of_another_analysis_are_refused(mixed, message, files, tmp_path):
    other = write_effect(tmp_path / "two", 2)
    with pytest.raises(InputError, match=message):
        Effect.read("analysis", files | {mixed: other[mixed]}, None)


def test_a_changed_stack_is_refused(files, tmp_path):
    stack = tmp_path / "one/stack"
    data = np.load(stack / "stack.npy")
    np.save(stack / "stack.npy", data[1:])
    with pytest.raises(InputError, match=r"stack\.npy: shape \(7, 60\)"):
        Effect.read("analysis", files, None)
    np.save(stack / "stack.npy", data)
    table = (stack / "observations.tsv").read_text()
    (stack / "observations.tsv").write_text(table.replace("07", "17"))
    with pytest.raises(InputError, match=r"observations\.tsv: its digest"):
        Effect.read("analysis", files, None)
    shutil.rmtree(stack)
    with pytest.raises(InputError, match="not the stack"):
        Effect.read("analysis", files, None)
