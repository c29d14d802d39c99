"""The report: self-contained, accessible, its sentences right, its tables those of the result."""

import base64
import gzip
import io
import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from groupwise.config.read import read_study
from groupwise.errors import InputError
from groupwise.figures.manifest import read_manifest, write_manifest
from groupwise.figures.null import null_figure
from groupwise.inputs.acquisition import acquisition_of, sidecars_of
from groupwise.permutation.wording import number, p_words, resampling_words, threshold_words
from groupwise.provenance import provenance
from groupwise.report.build import build_report, group_effects
from groupwise.report.design import assumption_words, cautions, design_words, uneven_trials
from groupwise.report.embedded import Views
from groupwise.report.methods import methods_text
from groupwise.report.modality import Modality
from groupwise.report.ready_made import read_rows
from groupwise.report.references import REFERENCES, Citations
from groupwise.stack.channels import describe_points
from groupwise.stats.linear import pooled_anova
from groupwise.stats.mixed_models import (
    FIXED,
    describe_model_columns,
    model_cautions,
    model_table,
)
from tests.unit.effects import WITHIN, channel_space, make_effect, surface_space, volume_space

CONFIG = {
    "study": "tiny",
    "fmri": {"conditions": {"a": "a", "b": "b", "c": "c"}, "contrasts": {"sum": "a + b - c"}},
    "analyses": {
        "sides": {"data": "meeg", "within": WITHIN},
        "mean": {"data": "fmri", "conditions": ["sum"]},
    },
}
TABLE = {"table": "maps.tsv"}
#: Of what the effects below and the model are.
STUDY = {
    "study": "tiny",
    "estimates": TABLE | {"subjects_dir": "subjects"},
    "maps": TABLE,
    "values": TABLE,
    "analyses": {
        "clear": {"data": "estimates", "within": WITHIN},
        "nothing": {"data": "estimates", "within": WITHIN},
        "none": {"data": "estimates", "within": WITHIN},
        "mean": {"data": "maps", "test": "one-sample"},
        "channels": {"data": "values", "test": "one-sample"},
    },
    "models": {"regions": {"data": "values", "formula": "theta ~ -1 + ROI"}},
}
TRIALS = pd.DataFrame(
    {"auditory/left": [50.0, 48.0], "visual/left": [51.0, np.nan]}, index=["01", "02"]
)


EXCLUSION_COLUMNS = ["Subject", "What", "Why"]
#: Longer than what is stored once.
LIBRARY = "function draw() { return 1; } // " + "library " * 400


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
        {
            "file": str(path),
            "title": f"Figure {k}",
            "caption": "What.",
            "alt": "Nothing to see.",
        }
        for k in range(3)
    ]
    entries = [
        {
            "analysis": name,
            "result": effect.result,
            "clusters": effect.clusters,
            "figures": figures,
            "views": {"surface": f"<script>{LIBRARY}</script><p>{name}</p>"},
            **({} if effect.result["Neighbours"] else {"points": points_of(effect)}),
        }
        for name, effect in effects.items()
    ]
    models = [model_of(figures[:1])]
    modality = Modality(
        name="M/EEG",
        unit="trials",
        availability=TRIALS,
        quality=pd.DataFrame({"Epochs": [101, 48]}, index=TRIALS.index),
        exclusions=pd.DataFrame([("01", "4 of 105 epochs", "eog 4")], columns=EXCLUSION_COLUMNS),
        figures=figures[:1],
        pages={"01": (figures[0], "sub-01/figures/index.html")},
        recordings=pd.DataFrame({"subject": ["01"], "sfreq": [100.0]}),
    )
    left_out = {"09": "moved & talked"}
    methods = methods_text(
        read_study(STUDY),
        [Modality("Ready-made data", "maps", TRIALS)],
        entries,
        models,
        left_out,
        {"groupwise": "9.9"},
    )
    return build_report(
        study="tiny <study>",
        config=CONFIG,
        analyses=group_effects(entries),
        modalities=[modality],
        exclusions=left_out,
        methods=methods,
        provenance=provenance({}, []),
        command="snakemake",
        models=models,
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
            assert value.startswith(("data:", "#", "sub-01/")), f"{tag} {key}={value[:60]}"


def test_every_figure_has_words_and_is_a_figure(page):
    images = page.all("img")
    assert len(images) == 5 * 3 + 1 + 1 + 1
    for image in images:
        assert len(image["alt"]) > 10 and image["loading"] == "lazy"
        kind, content = image["src"].split(",", 1)
        assert kind == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as shown:
            assert shown.format == "WEBP"
            width = int(image["width"])
            if width == 197:  # two thirds of the pixels
                assert shown.width == 296 and int(image["height"]) == 96
            else:
                assert width == shown.width // 2


def test_views_are_stored_once_and_come_back_whole():
    mesh = base64.b64encode(bytes(range(256)) * 20).decode()
    pages = [f'<p>{k}</p><script>{LIBRARY}</script>{{"x": "{mesh}", "k": {k}}}' for k in range(4)]
    views = Views()
    numbers = [views.add(page) for page in pages]
    pieces = [gzip.decompress(base64.b64decode(piece)).decode() for piece in views.pieces]
    assert ["".join(pieces[k] for k in own) for own in numbers] == pages
    assert pieces.count(LIBRARY) == pieces.count(mesh) == 1


def test_views_of_the_report_are_packed(page):
    buttons = [b for b in page.all("button") if "data-pieces" in b]
    assert len(buttons) == 5 and page.text.count("Move through the map: surface") == 5
    ids = {tag["id"] for tag in page.all("script") if tag.get("id", "").startswith("piece-")}
    assert {f"piece-{k}" for b in buttons for k in b["data-pieces"].split()} == ids


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


def test_a_contrast_that_does_not_sum_to_zero_has_a_caution(page):
    assert page.text.count("fmri.contrasts.sum: the weights of 'a + b - c' sum to 1, not 0") == 1


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
        "Exchangeable": "signs",
    }
    return base | changes


CLUSTERS = pd.DataFrame(
    {"id": [1, 2], "p": [0.001, 0.048], "p_low": [0.0002, 0.043], "p_high": [0.003, 0.055]}
)


def test_words_of_thresholds_and_permutations():
    assert threshold_words(result()) == "|t| > 3.66 (uncorrected p < 0.001)"
    less = result(Alternative="less", Threshold={"asked": {"stat": 3}, "statistic": 3.0})
    assert threshold_words(less) == "t < -3"
    assert resampling_words(result()) == (
        "5,000 random permutations out of 536,870,912 distinct ones"
    )
    exact = result(Permutations=128, Exact=True)
    assert resampling_words(exact) == "all 128 distinct permutations (exact test)"
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


POOLED = pooled_anova({"side": 3}, "side", 4).to_dict()


def test_cautions():
    assert cautions(result(), CLUSTERS[:1]) == []
    assert "for cluster 2:" in cautions(result(), CLUSTERS)[0]
    coarse = cautions(result(Permutations=32, Exact=True), CLUSTERS)
    assert "no p below 0.0312" in coarse[0] and "number of subjects" in coarse[0]
    lost = cautions(result(PointsExcluded={"not finite": 90, "no variation": 10}), CLUSTERS[:1])
    pooled = result(Design=POOLED, Epsilon=0.5)
    assert "the Greenhouse-Geisser epsilon is 0.50" in cautions(pooled, CLUSTERS[:1])[0]
    assert cautions(result(Design=POOLED, Epsilon=0.9), CLUSTERS[:1]) == []
    assert lost == ["100 of 1,000 points were excluded (not finite: 90, no variation: 10)."]


def test_design_in_words():
    within = {"design": "Within", "factors": {"modality": 2, "side": 2}, "effect": "modality:side"}
    words = design_words(result(Design=within), {"within": WITHIN})
    assert words.startswith("Repeated measures, 2 × 2: modality (auditory, visual) × side (left")
    assert "interaction modality:side" in words
    paired = design_words(result(Design={"design": "Paired"}), {"conditions": ["a", "b"]})
    assert paired == "Paired: a minus b of each subject, against zero, two-sided."


def test_what_each_test_assumes():
    assert "symmetrically about zero" in assumption_words(result())
    pooled = result(Design=POOLED, Exchangeable="orders")
    assert "sphericity" in assumption_words(pooled)
    two = {"design": "TwoSample", "groups": list("aabb"), "variances": "unequal"}
    groups = result(Design=two, Exchangeable="orders")
    assert "Welch" in assumption_words(groups)


def test_uneven_trials_are_reported():
    assert uneven_trials(pd.DataFrame({"a": [50, 49], "b": [48, 50]})) == []
    (line,) = uneven_trials(pd.DataFrame({"a": [60, 49], "b": [30, 50]}, index=["01", "02"]))
    assert "1 of 2 subjects (01 (2:1))" in line


def test_a_ready_made_map_counts_once(tmp_path):
    """Two analyses share the maps; a subject without a condition has a gap."""
    rows = {"subject": ["01", "02"], "session": "n/a", "condition": "n/a", "path": ["x", "y"]}
    paths = [tmp_path / f"{k}.tsv" for k in range(2)]
    for path in paths:
        pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    (tmp_path / "stack.json").write_text('{"SourceDigests": {"x": "12", "y": "34"}}')
    own = read_rows([str(path) for path in paths])
    assert own.inputs == {"x": "12", "y": "34"}
    assert list(own.availability["map"]) == [1, 1] and own.unit == "maps"
    pd.DataFrame(rows | {"condition": ["a", "b"]}).to_csv(paths[0], sep="\t", index=False)
    table = read_rows([str(paths[0])]).availability
    assert table.loc["01", "a"] == 1 and np.isnan(table.loc["02", "a"])
    assert read_rows([]) is None


def test_methods_are_written_from_what_was_run(page, effects):
    for words in (
        "Data from 2 participants were analysed",
        "1 participant was excluded (09: moved & talked)",
        f"{effects['clear'].result['Permutations']:,} sign flips (exact test)",
        "a linear mixed model with a random intercept for each ID, estimated by restricted maximum "
        "likelihood",
        "Groupwise 9.9",
    ):
        assert words in page.text, words
    assert "Maris E, Oostenveld R (2007)" in page.text
    assert "To be added by the authors" in page.text and "ethics" in page.text
    assert "Dale AM" not in page.text, "nothing was inverted, so nobody is cited for it"


def test_references_are_cited_by_name_and_listed():
    cite = Citations()
    assert cite("maris", "dale") == "(Maris and Oostenveld, 2007; Dale et al., 2000)"
    assert [line.split(" ")[0] for line in cite.listed] == ["Dale", "Maris"]
    for short, whole in REFERENCES.values():
        year = re.search(r"\d{4}[ab]?$", short)[0]
        assert f"({year})" in whole and whole.startswith(short.split(",")[0].split(" ")[0])


def test_sidecars_are_inherited(tmp_path):
    folder = tmp_path / "sub-01" / "meg"
    folder.mkdir(parents=True)
    told = {
        tmp_path / "task-a_meg.json": {"Manufacturer": "X", "PowerLineFrequency": 50},
        tmp_path / "task-b_meg.json": {"Manufacturer": "other task"},
        folder / "sub-01_task-a_run-1_meg.json": {"PowerLineFrequency": 60},
        folder / "sub-01_task-a_run-2_meg.json": {"PowerLineFrequency": 1},
    }
    for path, content in told.items():
        path.write_text(json.dumps(content))
    found = sidecars_of(str(folder / "sub-01_task-a_run-1_meg.fif"), str(tmp_path))
    assert [path.rsplit("/", 1)[1] for path in found] == [
        "task-a_meg.json",
        "sub-01_task-a_run-1_meg.json",
    ]
    assert acquisition_of(found) == {"Manufacturer": "X", "PowerLineFrequency": 60}
    (tmp_path / "task-a_meg.json").write_text("{")
    with pytest.raises(InputError, match=r"task-a_meg\.json: is not readable as JSON"):
        acquisition_of(found)


def test_manifest_needs_words_and_files(tmp_path):
    with pytest.raises(ValueError, match="alt missing"):
        write_manifest(
            tmp_path / "figures.json",
            [{"file": "a.png", "title": "t", "caption": "c", "alt": ""}],
            title="x",
        )
    figure = {"file": str(tmp_path / "a.png"), "title": "t", "caption": "c", "alt": "a"}
    write_manifest(tmp_path / "figures.json", [figure], title="x", subject="01")
    with pytest.raises(InputError, match=r"a\.png: the file does not exist"):
        read_manifest(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert read_manifest(tmp_path / "figures.json")["figures"][0]["file"] == str(tmp_path / "a.png")


def test_points_without_neighbours_and_models_are_shown(page, effects):
    effect = effects["channels"]
    assert "permutation test of the largest statistic" in effect.result["Sentence"]
    found = effect.result["SignificantPoints"]
    assert found == (points_of(effect)["p_max"] <= 0.05).sum() >= 1
    assert f"at {found} of 12 points" in page.text
    assert "Places, sorted by p" in page.text and "S1_D1" in page.text
    assert "7 participants: Wald tests" in page.text
    assert "theta ~ -1 + ROI" in page.text and "One model per" in page.text
