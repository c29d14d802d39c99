"""Figures: the numbers behind them, their words, and that each can be drawn without a display."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.sparse import csr_array

from groupwise.figures.brain3d import can_draw, draw, vertex_colours
from groupwise.figures.colours import colour_limit, fade
from groupwise.figures.courses import cluster_average, collapse, within_subject_bands
from groupwise.figures.effect_figures import (
    channel_figures,
    effect_figures,
    label_figures,
    surface_figures,
    volume_figures,
)
from groupwise.figures.manifest import read_manifest
from groupwise.figures.null import critical_mass, null_figure
from groupwise.figures.save import CaptionedFigure, save_figures
from groupwise.figures.surface import cluster_duration, paint, project, render_map
from groupwise.figures.views import interactive_surface, to_image
from groupwise.stats.between import Mixed, TwoSample
from groupwise.stats.linear import Regression, pooled_anova
from tests.unit.effects import (
    WITHIN,
    ball,
    channel_space,
    make_effect,
    region_space,
    surface_space,
    volume_space,
)

TIMES = np.arange(0, 0.2, 0.02)


@pytest.fixture(scope="module")
def clear():
    return make_effect(surface_space(("lh", "rh"), TIMES), strength=4.0)


@pytest.fixture(scope="module")
def nothing():
    return make_effect(surface_space(("lh",), TIMES), strength=0.0, n=6)


@pytest.fixture(scope="module")
def mean():
    return make_effect(volume_space(), strength=3.0)


class TestBands:
    def test_against_a_hand_computation(self):
        # Three subjects, two conditions; subject means 2, 3, 7, grand mean 4. Normalised:
        # (3, 5), (3, 5), (2, 6). Variances with n - 1: 1/3 and 1/3, times k / (k - 1) = 2.
        x = np.array([[1.0, 3.0], [2.0, 4.0], [5.0, 9.0]])
        mean, half = within_subject_bands(x, "sem")
        np.testing.assert_allclose(mean, [8 / 3, 16 / 3])
        np.testing.assert_allclose(half, np.sqrt(2 / 3 / 3))
        # t(2) at .975 is 4.302653 (any table of Student's t).
        np.testing.assert_allclose(within_subject_bands(x, "ci")[1], half * 4.302653, rtol=1e-6)

    def test_two_conditions_give_the_error_of_the_difference_over_root_two(self):
        x = np.random.default_rng(0).normal(size=(12, 2)) + np.arange(12)[:, None]
        difference = (x[:, 0] - x[:, 1]).std(ddof=1) / np.sqrt(12)
        np.testing.assert_allclose(within_subject_bands(x, "sem")[1], difference / np.sqrt(2))

    def test_subjects_level_does_not_matter(self):
        x = np.random.default_rng(1).normal(size=(8, 4, 5))
        shifted = x + 100 * np.random.default_rng(2).normal(size=(8, 1, 1))
        # Only a level common to all times of a subject is removed at every time alike.
        np.testing.assert_allclose(
            within_subject_bands(x)[1], within_subject_bands(shifted)[1], atol=1e-10
        )

    def test_one_condition_has_the_ordinary_error(self):
        x = np.random.default_rng(3).normal(size=(9, 1))
        np.testing.assert_allclose(within_subject_bands(x, "sem")[1], x.std(0, ddof=1) / 3)


def test_cluster_average_takes_members_of_each_cell():
    data = np.arange(4 * 6).reshape(4, 6).astype(np.float32)  # 4 maps of 3 places x 2 times
    points = np.array([[0, 1], [4, 5]])  # the first and the last place
    means = cluster_average(data, np.array([[0, 3], [2, 1]]), points)
    assert means.shape == (2, 2, 2)
    np.testing.assert_allclose(means[0, 1], [(18 + 22) / 2, (19 + 23) / 2])


def test_collapse_averages_over_factors_that_are_not_kept():
    x = np.arange(4.0)[None, :]  # auditory/left, auditory/right, visual/left, visual/right
    means, names = collapse(x, WITHIN, ["side"])
    assert names == ["left", "right"]
    np.testing.assert_allclose(means, [[1.0, 2.0]])
    assert collapse(x, WITHIN, list(WITHIN))[1][1] == "auditory/right"


def test_duration_counts_samples_of_the_chosen_clusters():
    labels = np.array([[0, 1, 1, 2], [2, 0, 0, 0], [0, 0, 0, 0]])
    times = np.arange(4) * 0.02
    np.testing.assert_allclose(cluster_duration(labels, [1], times), [40, 0, 0])
    np.testing.assert_allclose(cluster_duration(labels, [1, 2], times), [60, 20, 0])
    np.testing.assert_allclose(cluster_duration(labels, [], times), 0)


def test_critical_mass_separates_what_is_significant():
    null = np.random.default_rng(0).integers(0, 30, 128).astype(float)
    critical = critical_mass(null, 0.05)
    for mass in np.unique(null):
        assert ((null >= mass).mean() <= 0.05) == (mass > critical)
    assert critical_mass(null[:10], 0.05) == np.inf


def test_null_figure_draws_without_clusters():
    figure = null_figure(np.zeros(16), [], [], alpha=0.05, title="t", label="mass")
    assert isinstance(figure, Figure)


class TestView:
    def test_each_pixel_shows_the_nearest_point(self):
        surface = ball("lh", 2000)
        for side, sign in (("lateral", -1), ("medial", 1)):
            view = project(surface, side, pixels_per_mm=2)
            x = view.interpolate(surface.inflated[:, 0])[view.covered]
            assert (sign * x > -5).all(), "a point of the far side is seen"
            # A disc of 50 mm radius in pixels of half a millimetre.
            assert abs(view.covered.sum() / 4 - np.pi * 50**2) < 0.03 * np.pi * 50**2

    def test_front_is_left_in_lateral_views_of_the_left(self):
        surface = ball("lh", 2000)
        y = project(surface, "lateral").interpolate(surface.inflated[:, 1])
        assert y[y.shape[0] // 2, 60] > 40 > -40 > y[y.shape[0] // 2, -60]

    def test_paint_shows_values_and_marks(self):
        surface = ball("rh", 500)
        view = project(surface, "lateral")
        from matplotlib import colormaps
        from matplotlib.colors import Normalize

        inside = surface.inflated[:, 2] > 20
        arguments = {"cmap": colormaps["viridis"], "norm": Normalize(0, 1)}
        n = len(inside)
        grey = paint(view, surface, np.zeros(n), opacity=np.zeros(n), **arguments)
        seen = grey[..., 3] > 0.5
        assert np.ptp(grey[seen][:, :3], axis=1).max() < 1e-6, "a brain without a map is grey"
        marked = paint(view, surface, np.zeros(n), opacity=np.zeros(n), outline=inside, **arguments)
        assert (marked[seen][:, :3].max(1) < 0.05).sum() > 50, "no outline"


class TestBrain3d:
    def test_colours_of_vertices_are_the_colour_bars(self):
        surface, norm = ball("lh"), Normalize(0, 10)
        values = np.linspace(0, 10, len(surface.vertices))
        style = {"cmap": colormaps["YlOrRd"], "norm": norm}
        shown = vertex_colours(surface, values, opacity=np.ones(len(values)), **style)
        np.testing.assert_allclose(shown, colormaps["YlOrRd"](norm(values))[:, :3])
        grey = vertex_colours(surface, values, opacity=np.zeros(len(values)), **style)
        assert np.ptp(grey, axis=1).max() == 0 and np.ptp(grey[:, 0]) > 0.2

    def test_without_pyvista_the_cortex_is_drawn_all_the_same(self, clear, monkeypatch):
        monkeypatch.setattr("groupwise.figures.brain3d.find_spec", lambda name: None)
        can_draw.cache_clear()
        assert not can_draw()
        surface = clear.stack.space.hemispheres[0]
        values = np.arange(len(surface.vertices), dtype=float)
        maps = {"cmap": colormaps["YlOrRd"], "norm": Normalize(0, 150),
                "opacity": np.ones(len(values))}  # fmt: skip
        mine = render_map(surface, "lateral", values, **maps)
        np.testing.assert_array_equal(
            mine, paint(project(surface, "lateral"), surface, values, **maps)
        )
        can_draw.cache_clear()

    def test_pyvista_draws_the_same_brain(self):
        pytest.importorskip("pyvista")
        if not can_draw():
            pytest.skip("PyVista can not draw here")
        surface = ball("lh", 600)
        values = surface.inflated[:, 1].astype(float)
        maps = {"cmap": colormaps["RdBu_r"], "norm": Normalize(-50, 50),
                "opacity": np.ones(len(values)), "outline": values > 20}  # fmt: skip
        theirs = draw(surface, np.array([-1.0, 0, 0]), values, **maps)
        mine = paint(project(surface, "lateral"), surface, values, **maps)
        # A ball: as wide as high, front (positive, red) on the left, blue on the right.
        assert abs(theirs.shape[0] - theirs.shape[1]) < 8
        for figure in (mine, theirs):
            h, w = figure.shape[:2]
            left, right = figure[h // 2, w // 5, :3], figure[h // 2, 4 * w // 5, :3]
            assert left[0] > left[2] and right[2] > right[0]


def test_fade_and_limit():
    np.testing.assert_allclose(fade(np.array([0, -2.0, 4, 9]), 4), [0, 0.25, 1, 1])
    assert colour_limit(np.zeros(5), 4) == 6
    assert colour_limit(np.array([5.0] * 99 + [1000]), 4) < 50


def test_image_has_values_at_their_voxels():
    space = volume_space((3, 4, 5))
    image = to_image(space, np.arange(space.n_places))
    assert image.shape == (3, 4, 5)
    assert image.get_fdata()[tuple(space.voxels[17])] == 17


class TestFigures:
    def test_clear_effect_has_its_figures_and_numbers(self, clear):
        figures = {figure.name: figure for figure in surface_figures(clear)}
        assert set(figures) >= {"duration", "null", "statistic_cluster-1", "courses_cluster-1"}
        assert clear.clusters["p"][0] <= 0.05
        for figure in figures.values():
            assert figure.title and figure.caption.endswith(".") and figure.alt.endswith(".")
        test = figures["duration"].caption
        assert "F(1, 6)" in test and "7 subjects" in test and "p < 0.01" in test
        assert f"F > {clear.result['Threshold']['statistic']:.3g}" in test
        assert "all 64 distinct permutations (exact test)" in test
        assert "auditory/left" in figures["courses_cluster-1"].alt
        assert "Cousineau–Morey" in figures["courses_cluster-1"].caption
        assert "7 subjects" in figures["courses_cluster-1"].caption

    def test_film_shows_the_middles_of_equal_parts_of_the_window(self, clear):
        (film,) = [figure for figure in surface_figures(clear) if figure.name == "strip"]
        assert "at 0 ms, 20 ms, 40 ms, 100 ms, 120 ms, 140 ms, 180 ms" in film.caption or (
            "at 0 ms, 40 ms, 60 ms, 100 ms, 120 ms, 140 ms, 180 ms" in film.caption
        )
        assert "Black outline" in film.caption and len(film.figure.axes) == 7 * 4 + 1

    def test_surface_to_turn_holds_both_hemispheres_and_asks_for_nothing(self, clear):
        time, when = clear.peak_time
        assert when == f" at {1e3 * TIMES[time]:.0f} ms"
        page = interactive_surface(
            clear.stack.space, clear.statistic[:, time], title="Effect at 100 ms", limit=20.0,
            threshold=4.0, signed=False,
        )  # fmt: skip
        assert "Effect at 100 ms" in page and "Plotly" in page
        assert not re.search(r"<script[^>]+src=|<link[^>]+href=\"http", page)

    def test_labels(self):
        effect = make_effect(region_space(TIMES), strength=5.0)
        figures = {figure.name: figure for figure in label_figures(effect)}
        assert list(figures)[:2] == ["statistic", "courses_cluster-1"]
        first = effect.clusters.iloc[0]
        assert first["regions"] == 1 and first["label"] in ("region 4-lh", "region 5-lh")
        assert f"over {first['label']}, cluster 1" in figures["courses_cluster-1"].caption
        framed = figures["statistic"].figure.axes[0].patches
        assert len(framed) == len(effect.significant)

    def test_nothing_significant_is_stated(self, nothing):
        assert not len(nothing.significant)
        figures = {figure.name: figure for figure in surface_figures(nothing)}
        assert "No cluster is significant" in figures["duration"].caption
        title = figures["duration"].figure.get_suptitle()
        assert "not significant" in title
        assert "(not significant)" in figures["courses_cluster-1"].caption

    def test_no_cluster_at_all(self):
        effect = make_effect(surface_space(("lh",)), strength=0.0, threshold={"stat": 1e5})
        names = [figure.name for figure in surface_figures(effect)]
        assert names == ["statistic_cluster-0", "contrast", "null"]

    def test_volume(self, mean):
        figures = {figure.name: figure for figure in volume_figures(mean)}
        assert set(figures) >= {"slices_cluster-1", "mosaic", "glass", "values_cluster-1", "null"}
        caption = figures["slices_cluster-1"].caption
        assert "t(6)" in caption and "|t| >" in caption and "Black outline" in caption
        x, y, z = mean.stack.space.coordinates[mean.clusters["peak"][0]]
        assert f"({x:.0f}, {y:.0f}, {z:.0f}) mm" in caption

    def test_channels(self):
        effect = make_effect(channel_space(), strength=4.0)
        figures = {figure.name: figure for figure in channel_figures(effect)}
        assert list(figures) == ["statistic", "values", "null"]
        found = effect.result["SignificantPoints"]
        assert f"{found} of 12 significant" in figures["statistic"].alt
        assert "t(6)" in figures["statistic"].caption
        assert "cluster" not in " ".join(p.caption + p.title for p in figures.values()).lower()
        assert "S6_D6" in figures["values"].title

    def test_the_space_chooses_the_figures(self, clear, mean):
        line = csr_array(np.eye(12, k=1, dtype=bool) | np.eye(12, k=-1, dtype=bool))
        sensors = replace(channel_space(), part=np.full(12, ""), adjacency=line)
        first = {
            "duration": clear,
            "slices_cluster-1": mean,
            "statistic": make_effect(channel_space(), strength=4.0),
            "values_cluster-1": make_effect(sensors, strength=9.0),
        }
        for name, effect in first.items():
            assert next(effect_figures(effect)).name == name
        labels = make_effect(region_space(TIMES), strength=5.0)
        assert next(effect_figures(labels)).title == "Statistic of every label over time"

    def test_files_are_png_and_listed_the_same_bytes_each_time(self, nothing, tmp_path):
        for name in ("a", "b"):
            save_figures(surface_figures(nothing), tmp_path / name, "Effect")
        manifest = read_manifest(tmp_path / "a")
        assert json.loads((tmp_path / "a/figures.json").read_text())["title"] == "Effect"
        assert len(manifest["figures"]) == len(list((tmp_path / "a").glob("*.png")))
        for figure in manifest["figures"]:
            content = Path(figure["file"]).read_bytes()
            assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) < 600_000
            assert content == (tmp_path / "b" / Path(figure["file"]).name).read_bytes()

    def test_no_caption_claims_a_place_or_a_time(self, clear):
        for figure in surface_figures(clear):
            assert not re.search(r"\beffect (at|in|on|between|from)\b", figure.caption, re.I)


@pytest.mark.parametrize(
    ("design", "columns", "weights"),
    [
        (Regression({"age": [20.0, 31, 42, 25]}, "age"), ["mean", "age"], 1),
        (TwoSample(["a", "b", "a", "b"], weights=[1.0, -1.0]), ["a", "b"], 2),
        (Mixed(["a", "b", "a", "b"], {"side": 2}, "group:side"), ["a", "b"], 2),
        (
            pooled_anova({"side": 2}, "side", 4),
            ["left", "right", *(f"subject {k}" for k in range(1, 5))],
            1,
        ),
    ],
)
def test_columns_of_a_design_matrix_are_named(design, columns, weights):
    assert design.column_names(["left", "right"]) == columns
    assert design.model()[0].shape[1] == len(columns)
    assert len(design.cell_weights) == weights


def test_figures_have_a_page_of_their_own(tmp_path):
    figure = null_figure(np.zeros(9), [], [], alpha=0.05, title="t", label="mass")
    save_figures(
        [CaptionedFigure("null", figure, "A & B", "What.", "Alt.")], tmp_path / "f", "Subject 01"
    )
    page = (tmp_path / "f/index.html").read_text()
    assert '<img src="null.png" alt="Alt."' in page and "A &amp; B" in page
