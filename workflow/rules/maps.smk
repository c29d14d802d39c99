"""Ready-made maps: the door for studies that other pipelines have brought to one map a subject."""

from groupwise.stack.volumes import read_table

MAPS = STUDY.maps
TABLE = told(read_table, MAPS.table) if MAPS else None


def rows_of_maps(analysis: str) -> list[dict]:
    """Rows of an analysis' stack: subject, condition, factors and file of each map."""
    return told(select_rows, TABLE, cells_of(STUDY.analyses[analysis]), STUDY)


