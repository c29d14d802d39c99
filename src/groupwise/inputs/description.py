"""dataset_description.json and README of the output folder, a BIDS derivative."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

#: Version of BIDS that the names of the outputs follow.
BIDS_VERSION = "1.10.0"

#: Outputs whose names BIDS does not define; the BIDS validator must ignore them. Those of the first
#: level are `Source.not_bids`.
NOT_BIDS = (
    *("report.html", "methods.md", "benchmarks", "check", "group", "logs", "template"),
    *("fsaverage*", "**/figures", "*_design.*", "*_quality.*"),
)
README = """# {study}: outputs of Groupwise

`report.html` is the report of the study: results, figures, tables, data quality, methods and
provenance in one file. `methods.md` is its methods section. `sub-*` has the first-level outputs of
each subject, `group` the group analyses, and `check` the tables of the input checks. Each file has
a JSON sidecar with the parameters, the software and the digests of its inputs; the sidecar of a
table describes its columns. `logs` has the log of each job, `benchmarks` its run time and memory.
"""


def dataset_description(study: str, source: str | None) -> dict[str, Any]:
    """Return the dataset_description.json of the outputs, with the provenance of the raw data.

    Parameters
    ----------
    study : name of the study.
    source : root of the raw BIDS data set; None for ready-made data.
    """
    path = Path(source) / "dataset_description.json" if source else None
    raw = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    generated = {
        "Name": "groupwise",
        "Version": version("groupwise"),
        "Description": "Group-level inference: first level, factorial tests, permutation",
    }
    described = {
        "Name": f"{study}: group-level inference",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [generated, *raw.get("GeneratedBy", [])],
    }
    if raw:
        known = {"DatasetDOI": "DOI", "Name": "Name"}
        described["SourceDatasets"] = [{new: raw[old] for old, new in known.items() if old in raw}]
        described |= {key: raw[key] for key in ("License", "Authors") if key in raw}
    return described
