"""Tables of channels and regions: which columns and rows an analysis takes."""


def channel_rows(analysis: str) -> list[dict]:
    """The maps of an analysis of channels: subject, factors, and what chooses its rows."""
    spec = STUDY.analyses[analysis]
    if spec.data == "values":
        return value_rows(analysis)
    rows = []
    for subject in OPTODES.names:
        for cell in cells_of(spec):
            known = [*FNIRS.conditions, *FNIRS.contrasts]
            (name,) = conditions_with(cell["tags"], known)
            rows.append(
                {
                    "subject": subject,
                    "session": FNIRS.session or "n/a",
                    **cell["factors"],
                    "condition": name,
                    "keys": {"Condition": name},
                }
            )
    return rows


def value_rows(analysis: str) -> list[dict]:
    """The maps of an analysis of ready-made values."""
    spec = STUDY.analyses[analysis]
    wanted = list(within_of(analysis))
    # MNE-NIRS writes Condition with a capital.
    stands = {
        name: name if name in value_table else name.capitalize() for name in wanted
    }
    maps = pd.DataFrame({"subject": value_table["ID"], "path": ""}).assign(
        **{name: value_table[own] for name, own in stands.items() if own in value_table}
    )
    maps = maps.drop_duplicates()
    rows, left_out = select_maps(
        maps, cells_of(spec), STUDY.subjects, STUDY.exclude, STUDY.missing
    )
    MAPS_LEFT_OUT.update(left_out)
    return [
        {name: value for name, value in row.items() if name != "path"}
        | {"keys": {stands[name]: row[name] for name in wanted}}
        for row in rows
    ]


def table_of(data: str, space: str = "channels") -> str:
    """The table of values that an analysis or a model is of."""
    return VALUES.table if data == "values" else f"{OUT}/group/first_level/{space}.tsv"


def table_of_analysis(analysis: str) -> str:
    """The table of values that an analysis is of."""
    spec = STUDY.analyses[analysis]
    if spec.data == "values":
        return table_of("values")
    return table_of("fnirs", spec.space or "channels")


def stack_facts(analysis: str) -> dict:
    """What the values of an analysis are: columns, chromophores, units, space."""
    spec = STUDY.analyses[analysis]
    if spec.data == "values":
        has_chroma = "Chroma" in value_table
        found = sorted(set(value_table["Chroma"])) if has_chroma else []
        return {"place": VALUES.place, "value": VALUES.value, "units": VALUES.units} | {
            "chromas": found,
            "name": "values",
        }
    place = {"channels": "pair", "rois": "ROI"}[spec.space or "channels"]
    return {"place": place, "value": "theta", "units": "umol/l"} | {
        "chromas": spec.chroma,
        "name": "head",
    }


def participants_of_models() -> str | list:
    """The participants' table that columns of a formula may come from, where there is one."""
    own = f"{FNIRS.bids_root}/participants.tsv" if FNIRS and FNIRS.bids_root else None
    path = STUDY.participants or own or PARTICIPANTS
    return path if path and Path(path).is_file() else []
