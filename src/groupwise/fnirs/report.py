"""fNIRS in the report: available events, quality, exclusions, and facts for the methods text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from groupwise.fnirs.methods import describe_tested, write_passage
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
    pairs: Sequence[str],
    pair_facts: Sequence[str],
    designs: Sequence[str],
    **shared: Any,
) -> Modality:
    """fNIRS from the tables of recordings and pairs, and the sidecars of pairs and designs.

    Parameters
    ----------
    subjects : labels; lists of files are in their order.
    conditions : columns of the table of recordings.
    found : the table of recordings.
    pairs, pair_facts : a table per run, and their sidecars.
    designs : a sidecar per subject.
    shared : what `groupwise.report.modality.read_shared` takes.
    """
    recordings = read_table(found)
    recordings = recordings[recordings["subject"].isin(subjects)]
    each = np.array_split(np.array(pairs), len(subjects))
    quality, left, every = {}, [], []
    pairs_of = [read_json(path) for path in pair_facts]
    for s, paths, design in zip(subjects, each, designs, strict=True):
        own = pd.concat([read_table(path) for path in paths])
        every.append(own)
        long, short = own[own["kind"] == "long"], own[own["kind"] == "short"]
        bad = own[own["status"] == "bad"]
        facts = read_json(design)
        quality[s] = {
            "Long pairs": len(long),
            "of them bad": int((long["status"] == "bad").sum()),
            "Short pairs": len(short),
            "bad": int((short["status"] == "bad").sum()),
            "Coupling (median)": float(long["sci"].median()),
            "Largest variance inflation": max(
                value for run in facts["VarianceInflation"] for value in run.values()
            ),
        }
        left += [(s, f"pair {row.pair}", row.reason) for row in bad.itertuples()]
    left += events_left_out(recordings)
    return Modality(
        name="fNIRS",
        unit="events",
        availability=counts(recordings.groupby("subject")[list(conditions)].sum()),
        quality=pd.DataFrame(quality).T.infer_objects(),
        exclusions=pd.DataFrame(left, columns=EXCLUSION_COLUMNS),
        **read_shared(("estimates",), subjects, pairs_of, **shared),
        recordings=recordings,
        facts={"pairs": pd.concat(every)},
        section="fnirs",
        write_passage=write_passage,
        describe_tested=describe_tested,
    )
