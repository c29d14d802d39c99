"""The report: self-contained, accessible, its sentences right, its tables those of the result."""

import base64
import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from effects import WITHIN, channel_space, make_effect, surface_space, volume_space

from groupwise.errors import InputError
from groupwise.figures.null import null_figure
from groupwise.files import provenance, read_manifest, write_manifest
from groupwise.permutation.wording import number, p_words, resampling_words, threshold_words
from groupwise.report.build import (
    availability_of,
    build_report,
    cautions,
    design_words,
    grouped,
)
from groupwise.stack.channels import describe_points
from groupwise.stats.mixed_models import (
    FIXED,
    describe_model_columns,
    model_cautions,
    model_table,
)

CONFIG = {"study": "tiny", "analyses": {"sides": {"data": "meeg", "within": WITHIN}}}
TRIALS = pd.DataFrame(
    {"auditory/left": [50.0, 48.0], "visual/left": [51.0, np.nan]}, index=["01", "02"]
)


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def effects():
    times = np.arange(0, 0.2, 0.02)
    return {
        "clear": make_effect(surface_space(("lh",), times), strength=4.0),
        "nothing": make_effect(surface_space(("lh",), times), strength=0.0, n=6),
        "none": make_effect(surface_space(("lh",)), strength=0.0, threshold={"stat": 1e5}),
        "mean": make_effect(volume_space(), strength=3.0),
        "channels": make_effect(channel_space(), strength=4.0),
    }


@pytest.fixture(scope="module")
def html(effects, tmp_path_factory):
    path = tmp_path_factory.mktemp("figures") / "a.png"
    null_figure(np.zeros(9), [], [], alpha=0.05, title="t", label="mass").savefig(path, dpi=40)
    figures = [
        {"file": str(path), "title": f"Picture {k}", "caption": "What.", "alt": "Nothing to see."}
        for k in range(3)
    ]
    entries = [
        {
            "analysis": name,
            "result": effect.result,
            "clusters": effect.clusters,
            "figures": figures,
            **({} if effect.result["Neighbours"] else {"points": points_of(effect)}),
        }
        for name, effect in effects.items()
    ]
    return build_report(
        study="tiny <study>",
        config=CONFIG,
        analyses=grouped(entries),
        availability=TRIALS,
        exclusions={"09": "moved & talked"},
        quality={"sub-01": figures[:2]},
        provenance=provenance({}, []),
        recordings=[pd.DataFrame({"subject": ["01"], "sfreq": [100.0]})],
        models=[model_of(figures[:1])],
    )


def points_of(effect):
    return describe_points(effect.maps, effect.stack.space, effect.result["Statistic"])


def model_of(figures):
    """A model of two groups of rows, one of which has no variance between participants."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"ID": np.repeat(list("abcdefg"), 4), "ROI": ["L", "R"] * 14,
                          "Chroma": (["hbo"] * 2 + ["hbr"] * 2) * 7})  # fmt: skip
    table["theta"] = rng.normal(size=28) + 3 * (table["ROI"] == "L")
    spec = {
        "formula": "theta ~ -1 + ROI", "where": {}, "by": ["Chroma"], "estimator": "mixed",
        "groups": "ID", "random": "1", "optimizers": ["lbfgs"], "alpha": 0.05,
    }  # fmt: skip
    found = model_table(table, **spec)
    facts = describe_model_columns(found, "umol/l") | {
        "Model": spec, "Fixed": list(FIXED), "Cautions": model_cautions(found, "mixed"),
    }  # fmt: skip
    return {"name": "regions", "table": found, "facts": facts, "figures": figures}


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_it_asks_for_nothing_from_outside(html, page):
    assert not re.search(r"https?:|//cdn|@import|url\(", html)
    assert not page.all("link")
    for tag, attributes in page.tags:
        for key in ("src", "href"):
            value = attributes.get(key) or "#"
            assert value.startswith(("data:", "#")), f"{tag} {key}={value[:60]}"


def test_every_picture_has_words_and_is_a_png(page):
    images = page.all("img")
    assert len(images) == 5 * 3 + 2 + 1
    for image in images:
        assert len(image["alt"]) > 10
        kind, content = image["src"].split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content)[:8] == b"\x89PNG\r\n\x1a\n"
        assert int(image["width"]) == 197 and int(image["height"]) == 96  # two thirds of the pixels


def test_headings_tables_and_language(page):
    assert page.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels)), "a level is skipped"
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    names = [a["id"] for _, a in page.tags if "id" in a]
    assert len(names) == len(set(names))
    targets = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    assert targets <= set(names)


def test_sentences_are_those_of_the_results(page, effects):
    for effect in effects.values():
        assert effect.result["Sentence"] in page.text
        assert effect.result["ClusterNote"] in page.text
    assert "The conditions differ" in effects["clear"].result["Sentence"]
    assert not re.search(r"effect (at|in the (left|right)|between \d)", page.text)
    assert "so there is no cluster" in page.text


def test_user_text_is_escaped_and_gaps_are_shown(html, page):
    assert "tiny <study>" in page.text and "tiny <study>" not in html
    assert "moved & talked" in page.text
    assert 'class="missing"' in html and "missing" in page.text


def test_cluster_tables_can_be_downloaded_whole(page, effects):
    links = {a["download"]: a["href"] for a in page.all("a") if "download" in a}
    text = base64.b64decode(links["clear_modalityXside_clusters.tsv"].split(",")[1]).decode()
    expected = effects["clear"].clusters
    assert text.splitlines()[0].split("\t") == list(expected.columns)
    assert len(text.splitlines()) == len(expected) + 1


def test_config_and_versions_stand_in_it(page):
    assert "within:" in page.text and "numpy" in page.text


def result(**changes):
    base = {
        "Statistic": "t",
        "DegreesOfFreedom": [29],
        "Alternative": "two-sided",
        "Threshold": {"asked": {"p": 0.001}, "statistic": 3.6594},
        "Permutations": 5000,
        "DistinctResamplings": str(2**29),
        "Exact": False,
        "Alpha": 0.05,
        "PointsTested": 900,
        "PointsExcluded": {"not finite": 0, "no variation": 0},
        "Design": {"design": "OneSample"},
    }
    return base | changes


CLUSTERS = pd.DataFrame(
    {"id": [1, 2], "p": [0.001, 0.048], "p_low": [0.0002, 0.043], "p_high": [0.003, 0.055]}
)


def test_words_of_thresholds_and_permutations():
    assert threshold_words(result()) == "|t| > 3.66 (uncorrected p < 0.001)"
    less = result(Alternative="less", Threshold={"asked": {"stat": 3}, "statistic": 3.0})
    assert threshold_words(less) == "t < -3"
    assert resampling_words(result()) == "5,000 random permutations of 536,870,912"
    exact = result(Permutations=128, Exact=True)
    assert resampling_words(exact) == "128 permutations, all there are (exact test)"
    assert [number(v) for v in (0.00097656, 1234.5, 12.345, 3e-7, 0)] == [
        "0.000977",
        "1,234",
        "12.3",
        "3.00e-07",
        "0",
    ]
    cluster = {"p": 0.02, "p_low": 0.015, "p_high": 0.03}
    assert p_words(cluster | {"exact": True}) == "p = 0.02"
    assert p_words(cluster | {"exact": False}).endswith("interval 0.015 to 0.03")


def test_cautions():
    assert cautions(result(), CLUSTERS[:1]) == []
    assert "for cluster 2:" in cautions(result(), CLUSTERS)[0]
    coarse = cautions(result(Permutations=32, Exact=True), CLUSTERS)
    assert "no p below 0.0312" in coarse[0] and "number of subjects" in coarse[0]
    lost = cautions(result(PointsExcluded={"not finite": 90, "no variation": 10}), CLUSTERS[:1])
    assert lost == ["100 of 1,000 points were left out (not finite: 90, no variation: 10)."]


def test_design_in_words():
    within = {"design": "Within", "factors": {"modality": 2, "side": 2}, "effect": "modality:side"}
    words = design_words(result(Design=within), {"within": WITHIN})
    assert words.startswith("Repeated measures, 2 × 2: modality (auditory, visual) × side (left")
    assert "interaction modality:side" in words
    paired = design_words(result(Design={"design": "Paired"}), {"conditions": ["a", "b"]})
    assert paired == "Paired: a minus b of each subject, against zero, two-sided."


def test_availability_from_drops_or_rows():
    drops = {
        "01": pd.DataFrame({"condition": ["a", "b"], "kept": [40, 39]}),
        "02": pd.DataFrame({"condition": ["a", "b"], "kept": [41, 0]}),
    }
    table = availability_of(drops)
    assert table.loc["01", "b"] == 39 and np.isnan(table.loc["02", "b"])
    rows = pd.DataFrame(
        {"subject": ["1", "2"], "session": "n/a", "condition": "n/a", "path": ["x", "y"]}
    )
    maps = availability_of({}, [rows, rows])
    assert list(maps["map"]) == [1, 1] and maps.attrs["unit"] == "maps"
    assert availability_of({}) is None


def test_manifest_needs_words_and_files(tmp_path):
    with pytest.raises(ValueError, match="alt missing"):
        write_manifest(
            tmp_path / "figures.json",
            [{"file": "a.png", "title": "t", "caption": "c", "alt": ""}],
            title="x",
        )
    figure = {"file": str(tmp_path / "a.png"), "title": "t", "caption": "c", "alt": "a"}
    write_manifest(tmp_path / "figures.json", [figure], title="x", subject="01")
    with pytest.raises(InputError, match=r"a\.png: absent"):
        read_manifest(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert read_manifest(tmp_path / "figures.json")["figures"][0]["file"] == str(tmp_path / "a.png")


def test_points_without_neighbours_and_models_are_shown(page, effects):
    effect = effects["channels"]
    assert "permutation test of the largest statistic" in effect.result["Sentence"]
    found = effect.result["SignificantPoints"]
    assert found == (points_of(effect)["p_max"] <= 0.05).sum() >= 1
    assert f"at {found} of 12 points" in page.text
    assert "Places, the smallest p first" in page.text and "S1_D1" in page.text
    assert "7 participants: Wald tests" in page.text
    assert "theta ~ -1 + ROI" in page.text and "A model for each" in page.text
