"""Plans of the demo study, the tutorials and other kinds of study are those that were stored.

A stored plan holds every job as Snakemake records it: its input files, its output files and the
values of its parameters. Where they stay the same, a finished study stays finished, and
`snakemake -n` schedules nothing. A change of a plan makes studies stale that users have finished.
It needs a raised `version` in the rule (unless its parameters changed anyway) and a line in
CHANGELOG.md. To store the plans anew: `python -m tests.workflow.test_stored_plans`.

`plans/STUDY.json` has the jobs by rule. Jobs of one rule that differ in the values of wildcards
alone are one entry, with the wildcards in braces.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.study_trees import ROOT, demo_config, make_tree, planned, touch, write_config

STORED = Path(__file__).with_name("plans")
TUTORIALS = ("meeg", "fmri", "fnirs", "maps")
CLUSTER = {"threshold": {"p": 0.01}}


def make_meeg(folder: Path, sessions=(None,), ending="meg.fif") -> None:
    """Eight subjects of the demo's M/EEG study, or of EEG in BrainVision files."""
    subjects = [f"{n:02d}" for n in range(1, 9)]
    for session in sessions:
        make_tree(folder / "demo", subjects, session=session)
    if ending != "meg.fif":
        for path in (folder / "demo/bids").glob("sub-*/**/*_meg.fif"):
            touch(path.parents[1] / "eeg" / path.name.replace("meg.fif", ending))
            events = path.name.replace("meg.fif", "events.tsv")
            (path.parent / events).rename(path.parents[1] / "eeg" / events)
            path.unlink()
    for own in list((folder / "demo/subjects").iterdir()):
        for name in (
            "label/lh.aparc.annot",
            "label/rh.aparc.annot",
            "bem/outer_skull.surf",
            "bem/outer_skin.surf",
            "mri/T1.mgz",
            "mri/transforms/talairach.xfm",
        ):
            touch(own / name)
    touch(folder / "demo/bids/dataset_description.json", "{}")
    write_participants(folder / "demo/bids", subjects)


def make_fmri(folder: Path) -> None:
    """Twelve subjects of the demo's fMRI study, two runs each."""
    bids = folder / "demo/faces/bids"
    derivatives = folder / "demo/faces/derivatives/fmriprep"
    subjects = [f"{n:02d}" for n in range(1, 13)]
    for subject in subjects:
        for run in (1, 2):
            stem = f"sub-{subject}/func/sub-{subject}_task-faces_run-{run}"
            touch(bids / f"{stem}_events.tsv", "onset\tduration\ttrial_type\n")
            space = "space-MNI152NLin2009cAsym_desc"
            for ending in (
                *("desc-confounds_timeseries.json", "desc-confounds_timeseries.tsv"),
                *(f"{space}-brain_mask.nii.gz", f"{space}-preproc_bold.nii.gz"),
                f"{space}-preproc_bold.json",
            ):
                touch(derivatives / f"{stem}_{ending}", "{}" if ending.endswith("json") else "")
    touch(bids / "dataset_description.json", "{}")
    touch(derivatives / "dataset_description.json", "{}")
    write_participants(bids, subjects)


def make_fnirs(folder: Path) -> None:
    """Six subjects of the demo's fNIRS study."""
    bids = folder / "demo/tapping/bids"
    subjects = [f"{n:02d}" for n in range(1, 7)]
    for subject in subjects:
        stem = bids / f"sub-{subject}/nirs/sub-{subject}_task-tapping"
        touch(Path(f"{stem}_nirs.snirf"))
        touch(Path(f"{stem}_nirs.json"), "{}")
        touch(Path(f"{stem}_events.tsv"), "onset\tduration\ttrial_type\n")
        touch(Path(f"{stem}_channels.tsv"), "name\ttype\n")
        for name in ("coordsystem.json", "optodes.tsv"):
            touch(stem.with_name(f"sub-{subject}_{name}"), "{}" if "json" in name else "name\n")
    touch(bids / "dataset_description.json", "{}")
    write_participants(bids, subjects)


def write_participants(bids: Path, subjects: list[str]) -> None:
    """A group and an age for everyone."""
    rows = [f"sub-{s}\t{'ab'[int(s) % 2]}\t{20 + 3 * int(s)}" for s in subjects]
    touch(bids / "participants.tsv", "\n".join(["participant_id\tgroup\tage", *rows]) + "\n")


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


def make_demo(folder: Path) -> dict:
    for make in (make_meeg, make_fmri, make_fnirs):
        make(folder)
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def make_tutorial(name: str, folder: Path) -> dict:
    {"meeg": make_meeg, "fmri": make_fmri, "fnirs": make_fnirs, "maps": make_maps}[name](folder)
    return config_of(DOCS / f"tutorials/{name}.md")


def make_sessions(folder: Path) -> dict:
    """Two sessions; analyses of sources, labels and sensors; ICA, Maxwell filter, empty room."""
    make_meeg(folder, sessions=("pre", "post"))
    room = "sub-emptyroom/ses-20260112/meg/sub-emptyroom_ses-20260112_task-noise_meg.fif"
    touch(folder / "demo/bids" / room)
    config = demo_config("meeg", exclude={"08": "moved"}, missing="drop")
    config["meeg"] |= {
        "session": ["pre", "post"],
        "artifacts": {"method": "ica"},
        "maxwell": {"st_duration": 10},
        "covariance": {"source": "empty_room", "rank": None},
        "bad_channels": {"all": ["MEG 0113"], "02": ["MEG 2443"]},
    }
    within = {"session": ["pre", "post"], "modality": ["auditory", "visual"]}
    within["side"] = ["left", "right"]
    common = {"data": "meeg", "cluster": CLUSTER, "permutations": 100}
    config["analyses"] = {
        "training": common | {"within": within, "effects": ["session", "session:side"]},
        "gain": common
        | {"within": within, "contrasts": {"gain": "post/auditory/left - pre/auditory/left"}},
        "regions": common | {"within": within, "effects": ["session"], "space": "labels"},
        "planar": common
        | {"within": within, "effects": ["session"], "space": "grad", "crop": [0, 0.2]},
    }
    return config


def make_beamformer(folder: Path) -> dict:
    """A grid in the brain, LCMV; groups with a covariate."""
    make_meeg(folder)
    config = demo_config("meeg")
    config["meeg"] |= {
        "source_space": {"kind": "volume", "grid": 12},
        "inverse": {"method": "LCMV", "beamformer": {"tmax": 0.3}},
    }
    common = {"data": "meeg", "test": "paired", "conditions": ["auditory/left", "visual/left"]}
    config["analyses"] = {
        "grid": common | {"crop": [0.05, 0.3], "average": True, "alternative": "greater"},
        "age": common | {"covariates": ["age"], "effects": ["age", "mean"], "tfce": True},
    }
    return config


def make_eeg(folder: Path) -> dict:
    """EEG on the template's head."""
    make_meeg(folder, ending="eeg.vhdr")
    config = demo_config("meeg")
    config["meeg"] |= {
        "datatype": "eeg",
        "anatomy": "template",
        "channels": ["eeg"],
        "reference": ["M1", "M2"],
        "montage": "colin27_1020",
        "epochs": {"tmin": -0.1, "tmax": 0.35, "autoreject": "local"},
        "bem": {"ico": 3, "conductivity": [0.3, 0.006, 0.3]},
        "inverse": {"method": "eLORETA", "loose": 0, "fixed": True, "orientation": "normal"},
    }
    paired = {"data": "meeg", "test": "paired", "conditions": ["auditory/left", "visual/left"]}
    config["analyses"] = {
        "sources": paired | {"hemispheres": ["lh"], "hat": 0.001},
        "regions": paired | {"space": "labels"},
        "sensors": paired | {"space": "eeg"},
    }
    return config


def make_sensors(folder: Path) -> dict:
    """Sensors alone, without any anatomy."""
    make_meeg(folder)
    config = demo_config("meeg", subjects=[f"{n:02d}" for n in range(1, 8)])
    config["meeg"]["subjects_dir"] = None
    paired = {"data": "meeg", "test": "paired", "conditions": ["auditory/left", "visual/left"]}
    config["analyses"] = {"field": paired | {"space": "mag"}}
    return config


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


def make_runs(folder: Path) -> dict:
    """First-level contrasts, scrubbing and a mask in fMRI; regions and components in fNIRS."""
    make_fmri(folder)
    make_fnirs(folder)
    touch(folder / "mask.nii.gz")
    config = demo_config("fmri")
    config["fmri"] |= {
        "contrasts": {"faces": "famous + unfamiliar - 2 scrambled"},
        "confounds": {"strategy": ["motion", "high_pass", "scrub"], "motion": "full"},
        "mask": "mask.nii.gz",
        "noise": "ols",
    }
    config["fnirs"] = demo_config("fnirs")["fnirs"] | {
        "short_channels": {"regressors": "components"},
        "bad_channels": {"01": ["S1_D1"]},
    }
    one = {"test": "one-sample", "permutations": 100}
    config["analyses"] = {
        "faces": one | {"data": "fmri", "conditions": ["faces"], "covariates": ["age"]},
        "groups": one | {"data": "fmri", "conditions": ["faces"], "between": {"group": ["a", "b"]}},
        "regions": one
        | {"data": "fnirs", "conditions": ["leftMinusRight"], "space": "rois", "chroma": ["hbo"]},
    }
    return config


STUDIES = {
    "demo": make_demo,
    **{f"tutorial_{name}": partial(make_tutorial, name) for name in TUTORIALS},
    "sessions": make_sessions,
    "beamformer": make_beamformer,
    "eeg": make_eeg,
    "sensors": make_sensors,
    "groups": make_groups,
    "estimates": partial(make_ready, "estimates"),
    "estimates_labels": partial(make_ready, "estimates", space="labels"),
    "evokeds": partial(make_ready, "evokeds", space="eeg"),
    "values": make_values,
    "runs": make_runs,
}


@contextmanager
def at(folder: Path):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def plan_of(study: str, folder: Path) -> dict[str, list[dict]]:
    """The plan of a study on a tree of empty files, which is made in `folder`."""
    path = write_config(folder, STUDIES[study](folder))
    for given in folder.rglob("*"):  # The date of an input is a parameter of the jobs.
        os.utime(given, (1e9, 1e9))
    rules: dict[str, list[dict]] = {}
    with at(folder), planned(str(ROOT / "Snakefile"), str(path), str(folder)) as workflow:
        order = {rule.name: k for k, rule in enumerate(workflow.rules)}
        jobs = sorted(workflow.dag.jobs, key=lambda job: (order[job.rule.name], *job.wildcards))
        for job in jobs:
            wildcards = dict(job.wildcards_dict)
            entry = {
                "input": together(workflow.persistence._input(job)),
                "output": together(map(str, job.output)),
                "params": [*map(shortened, workflow.persistence._params(job))],
            }
            entry = {key: [in_braces(t, wildcards) for t in texts] for key, texts in entry.items()}
            alike = rules.setdefault(job.rule.name, [])
            same = [each for each in alike if {**each, "wildcards": 0} == {**entry, "wildcards": 0}]
            if not same:
                alike.append({"wildcards": []} | entry)
            (same or alike[-1:])[0]["wildcards"].append(" ".join(wildcards.values()))
    return rules


def in_braces(text: str, wildcards: dict[str, str]) -> str:
    """A path or a value with the names of wildcards in place of their values."""
    for name, value in wildcards.items():
        if name == "subject":
            text = text.replace(f"sub-{value}", "sub-{subject}")
        elif name in ("anatomy", "session"):
            text = text.replace(value, f"{{{name}}}")
        elif name in ("analysis", "effect", "model"):
            text = text.replace(f"/{value}/", f"/{{{name}}}/")
    return text


def together(paths: Iterable[str]) -> list[str]:
    """Paths that differ in the subject alone as one, with all its subjects."""
    subjects: dict[str, list[str]] = {}
    for path in paths:
        found = re.search(r"sub-(\w+?)(?=[/_])", path)
        one = path.replace(found[0], "sub-*") if found else path
        subjects.setdefault(one, []).extend([found[1]] if found else [])
    return [
        f"{one} ({', '.join(own)})" if len(own) > 1 else one.replace("*", "".join(own))
        for one, own in subjects.items()
    ]


def shortened(text: str) -> str:
    """A value with a digest in place of its end, if it is long."""
    if len(text) < 1000:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[:300]} ... {len(text)} characters, {digest}"


@pytest.mark.parametrize("study", STUDIES)
def test_the_plan_is_the_stored_one(study, tmp_path):
    stored = json.loads((STORED / f"{study}.json").read_text())
    now = json.loads(json.dumps(plan_of(study, tmp_path)))
    assert list(now) == list(stored)
    for rule, jobs in now.items():
        assert jobs == stored[rule], f"jobs of {rule}: see the rule at the top of this file"


def test_every_rule_is_in_a_stored_plan():
    rules = {
        name
        for path in (ROOT / "workflow/rules").glob("*.smk")
        for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.MULTILINE)
    }
    stored = [json.loads(path.read_text()) for path in STORED.glob("*.json")]
    assert {path.stem for path in STORED.glob("*.json")} == set(STUDIES)
    assert rules - {rule for plan in stored for rule in plan} == set()


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    for study in STUDIES:
        with tempfile.TemporaryDirectory() as folder:
            text = json.dumps(plan_of(study, Path(folder).resolve()), indent=1, ensure_ascii=False)
            (STORED / f"{study}.json").write_text(text + "\n")
