"""`dataset_description.json` of the derivatives."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

#: Version of BIDS that the outputs' names follow.
BIDS_VERSION = "1.10.0"


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
