"""Small effects for the tests of figures and report, made by the engine itself."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array
from scipy.spatial import ConvexHull

from groupwise.figures.effect import Effect
from groupwise.permutation.blocks import run_block
from groupwise.permutation.infer import infer
from groupwise.permutation.merge import merge
from groupwise.permutation.prepare import prepare
from groupwise.permutation.table import describe_clusters
from groupwise.provenance import provenance
from groupwise.stack.kinds import Hemisphere, Places, Surface, Volume
from groupwise.stack.lattice import Lattice
from groupwise.stack.store import Stack
from groupwise.stats.designs import OneSample, Within

WITHIN = {"modality": ["auditory", "visual"], "side": ["left", "right"]}


def ball(hemisphere, n=150):
    """An even mesh on a ball of 50 mm, triangles turned outwards."""
    k = np.arange(n) + 0.5
    polar, around = np.arccos(1 - 2 * k / n), np.pi * (1 + 5**0.5) * k
    points = (
        50 * np.c_[np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)]
    )
    triangles = ConvexHull(points).simplices
    a, b, c = (points[triangles[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return Hemisphere(
        name=hemisphere,
        vertices=np.arange(n, dtype=np.int32),
        white=points.astype(np.float32),
        inflated=points.astype(np.float32),
        triangles=triangles.astype(np.int32),
        sulc=np.sin(points[:, 1] / 10).astype(np.float32),
    )


def surface_space(hemispheres=("lh",), times=None):
    surfaces = tuple(ball(side) for side in hemispheres)
    n = [len(surface.vertices) for surface in surfaces]
    edges = np.concatenate(
        [
            surface.triangles[:, [i, (i + 1) % 3]] + sum(n[:k])
            for k, surface in enumerate(surfaces)
            for i in range(3)
        ]
    )
    edges = np.concatenate([edges, edges[:, ::-1]])
    adjacency = csr_array(coo_array((np.ones(len(edges)), edges.T), shape=(sum(n), sum(n))))
    return Surface(
        name="fsaverage",
        coordinates=np.concatenate([surface.white for surface in surfaces]),
        measure=np.full(sum(n), 10, np.float32),
        label=np.full(sum(n), "parietal"),
        adjacency=adjacency.astype(bool),
        times=times,
        hemispheres=surfaces,
    )


def volume_space(shape=(10, 12, 9)):
    voxels = np.argwhere(np.ones(shape, bool)).astype(np.int32)
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = -36, -50, -20
    return Volume(
        name="MNI",
        coordinates=(voxels @ affine[:3, :3] + affine[:3, 3]).astype(np.float32),
        measure=np.full(len(voxels), 512, np.float32),
        label=np.full(len(voxels), ""),
        adjacency=Lattice(shape).adjacency(),
        affine=affine,
        grid=shape,
        voxels=voxels,
    )


def channel_space(pairs=6):
    """Channels of both chromophores, 30 mm apart on a line."""
    names = [f"S{k}_D{k}" for k in range(1, pairs + 1)]
    x = 30.0 * np.arange(pairs)
    return Places(
        name="head",
        coordinates=np.tile(np.c_[x, 0 * x, 0 * x], (2, 1)).astype(np.float32),
        place_name="channel",
        part=np.repeat(["hbo", "hbr"], pairs),
        label=np.array(names * 2),
        adjacency=csr_array((2 * pairs, 2 * pairs), dtype=bool),
    )


def region_space(times, regions=8):
    """Regions without neighbours, 30 mm apart on a line, each with a course."""
    x = 30.0 * np.arange(regions)
    return Places(
        name="fsaverage",
        coordinates=np.c_[x, 0 * x, 0 * x].astype(np.float32),
        place_name="region",
        part=np.full(regions, ""),
        label=np.array([f"region {k}-lh" for k in range(regions)]),
        adjacency=csr_array((regions, regions), dtype=bool),
        times=times,
    )


def make_effect(space, *, strength, n=7, permutations=64, threshold=None, seed=1):
    """The effect of a blob of the given strength: an interaction on surfaces, else a mean."""
    rng = np.random.default_rng(seed)
    surface = isinstance(space, Surface)
    cells = 4 if surface else 1
    blob = np.exp(-((space.coordinates - space.coordinates[5]) ** 2).sum(1) / 2 / 20**2)
    course = np.ones(1) if space.times is None else np.exp(-((space.times - 0.1) ** 2) / 0.002)
    sign = np.array([1, -1, -1, 1] if surface else [1])
    x = rng.normal(size=(n, cells, space.n_places, space.n_times))
    x += strength * sign[:, None, None] * blob[:, None] * course
    x = x.reshape(n, cells, -1).astype(np.float32)
    design = Within({"modality": 2, "side": 2}, "modality:side") if surface else OneSample()
    prepared = prepare(
        x,
        design,
        space.adjacency,
        n_times=space.n_times,
        threshold=threshold or {"p": 0.01},
        alternative="two-sided",
        mass="sum",
        seed=0,
    )
    outcome = infer(prepared, merge([run_block(prepared, 0, permutations)], permutations), 0.05)
    tags = [(m, s) for m in WITHIN["modality"] for s in WITHIN["side"]] if surface else [("", "")]
    rows = [
        {"subject": f"{s + 1:02d}", "session": "", "condition": "/".join(tag).strip("/")}
        | dict(zip(WITHIN, tag, strict=True))
        for s in range(n)
        for tag in tags
    ]
    table = pd.DataFrame(rows)
    table.insert(0, "row", range(len(table)))
    return Effect(
        title="study, effect",
        result=outcome.summary() | {"Space": space.name, "Units": "1"} | provenance({}, []),
        clusters=describe_clusters(outcome, space),
        maps={k: v.reshape(space.shape) for k, v in outcome.maps.items()},
        null=(outcome.null.mass if outcome.has_neighbours else outcome.null.statistic).max(axis=1),
        stack=Stack(x.reshape(n * cells, -1), table, space, {"Units": "nAm"}),
        within=WITHIN if surface else {},
    )
