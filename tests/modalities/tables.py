"""Cases of ready-made data: maps, evoked responses, source estimates, values of places."""

from functools import partial
from pathlib import Path

from tests.modalities import Cases
from tests.modalities.meeg import make_meeg
from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.study_trees import CLUSTER, touch

ONE = {"data": "maps", "test": "one-sample"}
MAPS = {
    ("", "maps"): {None: ("", {})},
    ("maps", "mask"): {"intersection": ("a finite, non-zero value in every map (", {})},
    ("maps", "resample_to"): {None: ("precomputed maps of 12 participants, in voxels", {})},
    ("analyses", "data"): {
        "maps": ("tested precomputed maps of 12 participants", ONE),
    },
}
EVOKEDS = {
    ("", "evokeds"): {None: ("", {})},
    ("analyses", "data"): {
        "evokeds": (
            "precomputed evoked responses at the EEG electrodes (bad channels interpolated) of 12 "
            "participants over the whole epoch",
            ONE | {"space": "eeg"},
        ),
    },
    ("analyses", "space"): {
        "eeg": ("evoked responses at the EEG electrodes", ONE | {"data": "evokeds"}),
    },
}
ESTIMATES = {
    ("", "estimates"): {None: ("", {})},
    ("analyses", "data"): {
        "estimates": ("tested precomputed source estimates of 12 participants over", ONE),
    },
}
VALUES = {
    ("", "values"): {None: ("", {})},
    ("analyses", "data"): {
        "values": ("tested precomputed values per ch_name of 12 participants", ONE),
    },
    ("models", "data"): {"values": ("fitted to the precomputed values", {})},
}


def make_maps(folder: Path, ending="nii.gz", conditions=("go",), section="maps") -> None:
    """A table of twelve subjects, two groups, and a file for each condition."""
    rows = ["subject\tcondition\tgroup\tscore\tpath"]
    for number in range(1, 13):
        for condition in conditions:
            name = f"con_{number:02d}_{condition}.{ending}"
            touch(folder / section / name)
            group, score = "ab"[number % 2], 1.5 * number % 7
            rows.append(f"{number:02d}\t{condition}\t{group}\t{score}\t{name}")
    touch(folder / section / f"{section}.tsv", "\n".join(rows) + "\n")


def make_tutorial(folder: Path) -> dict:
    make_maps(folder)
    return config_of(DOCS / "tutorials/maps.md")


def make_groups(folder: Path) -> dict:
    """Every design between subjects, of ready-made maps in ANALYZE pairs."""
    make_maps(folder, ending="img", conditions=("go", "stop"))
    for path in folder.glob("maps/*.img"):
        touch(path.with_suffix(".hdr"))
    common = {"data": "maps", "cluster": CLUSTER, "permutations": 300}
    paired = common | {"test": "paired", "conditions": ["go", "stop"]}
    one = common | {"test": "one-sample", "conditions": ["go"]}
    group, within = {"group": ["a", "b"]}, {"condition": ["go", "stop"]}
    return {
        "study": "groups",
        "maps": {"table": "maps/maps.tsv"},
        "analyses": {
            "two": one | {"between": group, "tfce": True},
            "welch": paired | {"between": group, "variances": "unequal"},
            "mixed": common
            | {"within": within, "between": group, "effects": ["group", "group:condition"]}
            | {"across_effects": True},
            "slope": paired | {"covariates": ["score"], "effects": ["score", "mean"]},
            "pooled": common | {"within": within, "error": "pooled"},
            "weights": common
            | {"within": within, "error": "pooled", "contrasts": {"more": "go - stop"}},
        },
    }


def make_ready(section: str, folder: Path, **settings) -> dict:
    """Ready-made source estimates or evoked responses."""
    ending = {"estimates": "h5", "evokeds": "fif"}[section]
    make_maps(folder, ending=ending, conditions=("go", "stop"), section=section)
    own = {"data": section, "test": "paired", "conditions": ["go", "stop"]} | settings
    section_own = {"table": f"{section}/{section}.tsv"}
    if section == "estimates":
        make_meeg(folder)
        section_own |= {"subjects_dir": "demo/subjects", "spacing": 4, "units": "dSPM"}
    return {"study": section, section: section_own, "analyses": {"difference": own}}


def make_values(folder: Path) -> dict:
    """A ready-made table of channels, tested by permutation and by a mixed model."""
    rows = [
        f"{n:02d}\t{condition}\tS1_D{place}\t{chroma}\t{n + place}"
        for n in range(1, 8)
        for condition in ("go", "stop")
        for place in (1, 2)
        for chroma in ("hbo", "hbr")
    ]
    header = "ID\tCondition\tch_name\tChroma\ttheta"
    touch(folder / "values.tsv", "\n".join([header, *rows]) + "\n")
    paired = {"data": "values", "test": "paired", "conditions": ["go", "stop"]}
    model = {"data": "values", "formula": "theta ~ -1 + ch_name:Condition", "by": ["Chroma"]}
    return {
        "study": "table",
        "values": {"table": "values.tsv"},
        "analyses": {"channels": paired},
        "models": {"channels": model, "robust": model | {"estimator": "gee"}},
    }


TABLE = {"table": "t.tsv"}
CASES = [
    Cases(
        *("maps", TABLE, ONE, MAPS),
        result={"Space": "MNI152NLin2009cAsym"},
        studies={"tutorial_maps": make_tutorial, "groups": make_groups},
    ),
    Cases(
        *("evokeds", TABLE, ONE | {"data": "evokeds", "space": "eeg"}, EVOKEDS),
        studies={"evokeds": partial(make_ready, "evokeds", space="eeg")},
    ),
    Cases(
        *("estimates", TABLE | {"subjects_dir": "fs"}, ONE | {"data": "estimates"}, ESTIMATES),
        studies={
            "estimates": partial(make_ready, "estimates"),
            "estimates_labels": partial(make_ready, "estimates", space="labels"),
        },
    ),
    Cases(
        *("values", TABLE, ONE | {"data": "values"}, VALUES),
        result={"Neighbours": False},
        studies={"values": make_values},
    ),
]
