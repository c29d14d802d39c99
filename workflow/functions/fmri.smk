"""Paths of first-level maps, and the maps of an analysis."""


def first_level_maps(stat: str) -> dict[str, str]:
    """Path of a map of each condition and contrast; {subject} stays a wildcard."""
    named = [("cond", name) for name in FMRI.conditions]
    named += [("contrast", name) for name in FMRI.contrasts]
    chosen = {"stat": stat} if stat else {}
    ending = "statmap.nii.gz" if stat else "statmap.json"
    return {
        name: bold_file(ending, space=FMRI.space, **{entity: camel(name)}, **chosen)
        for entity, name in named
    }


def interest_map(stat: str) -> str:
    """Path of the map of all conditions together."""
    return bold_file(
        "statmap.nii.gz", space=FMRI.space, contrast="effectsOfInterest", stat=stat
    )


def fmri_rows(analysis: str) -> list[dict[str, str]]:
    """The maps of an analysis: one row a subject and cell."""
    effects, rows = first_level_maps("effect"), []
    for subject in RUNS.names:
        for cell in cells_of(STUDY.analyses[analysis]):
            (name,) = conditions_with(cell["tags"], list(effects))
            rows.append(
                {
                    "subject": subject,
                    "session": FMRI.session or "n/a",
                    **cell["factors"],
                    "condition": name,
                    "path": effects[name].format(subject=subject),
                }
            )
    return rows
