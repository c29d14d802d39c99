"""fMRI in the report: available events, quality, exclusions, and facts for the methods text."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from groupwise.fmri.methods import describe_tested, write_passage
from groupwise.report.modality import (
    EXCLUSION_COLUMNS,
    Modality,
    counts,
    events_left_out,
    read_json,
    read_shared,
    read_table,
)


def read_modality(
    subjects: Sequence[str],
    conditions: Sequence[str],
    *,
    found: str,
    designs: Sequence[str],
    **shared: Any,
) -> Modality:
    """fMRI from the table of runs and the sidecars of the designs.

    Parameters
    ----------
    subjects : labels; `designs` are in their order.
    conditions : columns of the table of runs.
    found : the table of runs.
    shared : what `groupwise.report.modality.read_shared` takes.
    """
    runs = read_table(found)
    facts = {s: read_json(path) for s, path in zip(subjects, designs, strict=True)}
    runs = runs[runs["subject"].isin(subjects)]
    quality = {
        s: {
            "Runs": len(own),
            "Volumes": int(own["volumes"].sum()),
            "Left out": int(own["volumes_left_out"].sum()),
            "Voxels without data": facts[s]["VoxelsWithoutData"],
            "Displacement (mm)": float(own["mean_displacement"].mean()),
            "Largest variance inflation": max(
                value for run in facts[s]["VarianceInflation"] for value in run.values()
            ),
        }
        for s, own in runs.groupby("subject")
    }
    left = [
        (row.subject, f"{row.volumes_left_out} of {row.volumes} volumes of {row.run}", "scrubbed")
        for row in runs.itertuples()
        if row.volumes_left_out
    ]
    left += events_left_out(runs)
    return Modality(
        name="fMRI",
        unit="events",
        availability=counts(runs.groupby("subject")[list(conditions)].sum()),
        quality=pd.DataFrame(quality).T.infer_objects(),
        exclusions=pd.DataFrame(left, columns=EXCLUSION_COLUMNS),
        **read_shared(("responses",), subjects, facts.values(), **shared),
        recordings=runs,
        facts={"designs": list(facts.values())},
        section="fmri",
        write_passage=write_passage,
        describe_tested=describe_tested,
    )
