"""What the rules share: constraints, stamps of given files, sharing, and marks for reports."""

from groupwise.inputs.checked import stamp_of


def one_of(names) -> str:
    """Return a wildcard constraint for these names; without names it matches nothing."""
    return "|".join(names) or "(?!)"


def given(wildcards, **made) -> dict[str, list[int]]:
    """Return size and date of a job's input files that no rule makes.

    Snakemake reruns where an input is newer than what was made of it. One that was replaced by an
    older file, or edited while the clock was wrong, is noticed as a changed parameter. (A function
    with an argument named `input` would not be looked at for changes.)
    """
    return {path: stamp_of(path) for path in made["input"] if not PATHS.is_output(path)}


def analysis_of(wildcards):
    """Return the analysis of a job, as the config has it."""
    return STUDY.analyses[wildcards.analysis]


def source_of(wildcards):
    """Return the source of a job's analysis."""
    return PLAN.source(wildcards.analysis)


def effect_of(wildcards):
    """Return the planned effect of a job."""
    return PLAN.effects[wildcards.analysis, wildcards.effect]


def stop_of(wildcards) -> int:
    """Return the end of a job's block of permutations."""
    return effect_of(wildcards).stop(int(wildcards.start), int(wildcards.size))


def own_command() -> str:
    """Return the command that runs the study, for its provenance."""
    files = workflow.config_settings.configfiles
    return " ".join(
        ["snakemake", *(f"--configfile {Path(path).name}" for path in files)]
    )


def shareable(**outputs) -> dict:
    """Return the outputs of a stage as Snakemake's cache between workflows takes them.

    It wants one beginning for all, and tells them apart by their endings.
    """
    each = {k: [v] if isinstance(v, str) else list(v) for k, v in outputs.items()}
    start = os.path.commonprefix([path for paths in each.values() for path in paths])
    marked = {
        k: multiext(start, *(v[len(start) :] for v in vs)) for k, vs in each.items()
    }
    return {k: vs[0] if isinstance(outputs[k], str) else vs for k, vs in marked.items()}


def reported_figures(folder: str, caption: str, category: str, subcategory: str):
    """Return a folder of figures, marked for Snakemake's own report."""
    return report(
        directory(folder),
        patterns=["{picture}.png"],
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory=subcategory,
        labels={"picture": "{picture}"},
    )


def reported_table(path: str, name: str):
    """Return a table of an effect, marked for Snakemake's own report."""
    return report(
        path,
        caption="../report/table.rst",
        category="{analysis}",
        subcategory="{effect}",
        labels={"table": name},
    )
