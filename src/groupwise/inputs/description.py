"""What the output folder says of itself, as BIDS asks of a derivative."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

#: Version of BIDS that the outputs' names follow.
BIDS_VERSION = "1.10.0"

#: Outputs whose suffixes BIDS does not define (yet), which its validator is to leave out.
NOT_BIDS = (
    *("report.html", "methods.md", "benchmarks", "check", "group", "logs", "template"),
    *("fsaverage*", "**/figures", "*_statmap.*", "*_design.*", "*_glm.*", "*_quality.*"),
    *("*_nirs.snirf", "*_epo.*", "*_drops.*", "*_ave.*", "*_cov.*", "*_trans.*", "*_bem-sol.*"),
    *("*_src.*", "*_fwd.*", "*_inv.*", "*_stc.*"),
)
README = """# {study}: outputs of Groupwise

`report.html` is the report of the study: results, figures, tables, quality of the data, methods and
provenance in one file; `methods.md` its methods section. `sub-*` holds each subject's stages,
`group` the group analyses, `check` what was found in the recordings. Beside each file stands a JSON
sidecar with parameters, software and digests of its inputs; beside each table, the meaning of its
columns. `logs` and `benchmarks` tell of every job what it said and what it took.
"""


def dataset_description(study: str, source: str | None) -> dict[str, Any]:
    """Describe the outputs as a BIDS derivative, extending the provenance of their source.

    Parameters
    ----------
    study
        Name of the study.
    source
        Root of the raw BIDS data set; None for ready-made maps.
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
