"""Values of channels and regions at the group: as one array for the engine, and in models."""

CHANNELS = [*analyses_of("fnirs"), *analyses_of("values")]
VALUES = STUDY.values


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


if VALUES:
    import pandas as pd

    from groupwise.stack.channels import read_values
    from groupwise.stack.selection import select_maps

    value_table = told(read_values, VALUES.table, VALUES.place, VALUES.value)

for name in CHANNELS:
    MAP_ROWS[name] = told(channel_rows, name)


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


rule stack_channels:
    """One array of all participants' values, with the table of its rows and its channels."""
    input:
        table=lambda wildcards: table_of(
            STUDY.analyses[wildcards.analysis].data,
            STUDY.analyses[wildcards.analysis].space or "channels",
        ),
        signal=lambda wildcards: (
            rules.haemoglobin.output.signals[0].format(subject=OPTODES.names[0])
            if STUDY.analyses[wildcards.analysis].data == "fnirs"
            else []
        ),
    output:
        **STACKED,
        coverage=f"{STACK}/coverage.tsv",
        coverage_columns=f"{STACK}/coverage.json",
    log:
        log_of("stack_channels", "analysis"),
    benchmark:
        benchmark_of("stack_channels", "analysis")
    wildcard_constraints:
        analysis=one_of(CHANNELS),
    resources:
        mem_mb=megabytes(500, 10),
        runtime=minutes(10),
    params:
        rows=lambda wildcards: MAP_ROWS[wildcards.analysis],
        facts=lambda wildcards: stack_facts(wildcards.analysis),
        given=given,
        version=2,
    script:
        "../../scripts/stack_channels.py"


def participants_of_models() -> str | list:
    """The participants' table that columns of a formula may come from, where there is one."""
    own = f"{FNIRS.bids_root}/participants.tsv" if FNIRS and FNIRS.bids_root else None
    path = STUDY.participants or own or PARTICIPANTS
    return path if path and Path(path).is_file() else []


rule fit_model:
    """Mixed model of all participants' values, each fit with its verdict."""
    input:
        table=lambda wildcards: table_of(
            STUDY.models[wildcards.model].data, STUDY.models[wildcards.model].data
        ),
        participants=participants_of_models(),
    output:
        table=f"{OUT}/group/models/{{model}}/coefficients.tsv",
        columns=f"{OUT}/group/models/{{model}}/coefficients.json",
    log:
        log_of("fit_model", "model"),
    benchmark:
        benchmark_of("fit_model", "model")
    wildcard_constraints:
        model=one_of(list(STUDY.models)),
    resources:
        mem_mb=megabytes(500, 10),
        runtime=minutes(30),
    params:
        spec=lambda wildcards: STUDY.models[wildcards.model].model_dump(
            mode="json", exclude={"data"}
        ),
        units=lambda wildcards: (
            VALUES.units
            if STUDY.models[wildcards.model].data == "values"
            else "umol/l"
        ),
        given=given,
        version=1,
    script:
        "../../scripts/fit_model.py"


rule figures_model:
    """Pictures of a model's coefficients with their intervals, and on the head."""
    input:
        table=rules.fit_model.output.table,
        columns=rules.fit_model.output.columns,
        signal=(
            rules.haemoglobin.output.signals[0].format(subject=OPTODES.names[0])
            if FNIRS
            else []
        ),
    output:
        folder=pictures(
            f"{OUT}/group/models/{{model}}/figures", "model", "Models", "{model}"
        ),
    log:
        log_of("figures_model", "model"),
    benchmark:
        benchmark_of("figures_model", "model")
    wildcard_constraints:
        model=one_of(list(STUDY.models)),
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        alpha=lambda wildcards: STUDY.models[wildcards.model].alpha,
        version=2,
    script:
        "../../scripts/figures_model.py"
