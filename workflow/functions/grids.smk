"""Rows of estimates on a grid."""


def grid_rows(analysis: str) -> list[dict]:
    """Rows of an analysis on the grid: subject, condition, factors and file of each map."""
    paths = estimates()
    return [
        row | {"path": paths[row["condition"]].format(**row)}
        for row in rows_of_sources(analysis)
    ]
