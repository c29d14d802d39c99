"""Rows of ready-made tables."""


def missing_of(section: str, *keys: str) -> list[str]:
    """Findings on files that a section names and that are not there."""
    paths = {key: getattr(getattr(STUDY, section), key) for key in keys}
    return [
        f"config: {section}.{key}: {path} is not there; check the path"
        for key, path in paths.items()
        if path not in (None, "intersection") and not Path(path).exists()
    ]


def select_rows(section: str, findings: list[str]) -> None:
    """Choose the maps of all analyses of a section; add what is wrong to the findings."""
    for name in analyses_of(section):
        try:
            MAP_ROWS[name], left_out = select_maps(
                MAP_TABLES[section],
                cells_of(STUDY.analyses[name]),
                STUDY.subjects,
                STUDY.exclude,
                STUDY.missing,
            )
            MAPS_LEFT_OUT.update(left_out)
        except InputError as error:
            table = getattr(STUDY, section).table
            findings += [f"{table}: analyses.{name}: {f}" for f in error.findings]
    told(refuse, findings)
