"""Rows of evoked responses."""


def sensor_rows(analysis: str) -> list[dict]:
    """Rows of an analysis of sensors: subject, condition, factors and file of each response."""
    if STUDY.analyses[analysis].data == "evokeds":
        return MAP_ROWS[analysis]
    return [
        {
            "subject": own.name,
            "session": own.session or MEEG.session or "n/a",
            **cell["factors"],
            "condition": condition,
            "path": rules.evoked.output.evoked.format(**own.visit),
        }
        for own in RECORDINGS.subjects
        for cell in cells_of(STUDY.analyses[analysis])
        if cell["factors"].get("session", own.session) == own.session
        for condition in conditions_with(cell["tags"], list(MEEG.conditions))
    ]
