"""Functions for rules: wildcard constraints, stamps of files, caching, marks for reports."""

from groupwise.inputs.checked import stamp_of


def one_of(names) -> str:
    """Return a wildcard constraint that matches these names only."""
    return "|".join(names) or "(?!)"


def given(wildcards, **made) -> dict[str, list[int]]:
    """Return size and date of the input files of a job that are not outputs of a rule.

    Snakemake reruns a job if an input is newer than its outputs. With this parameter, it also
    reruns if an older file replaces an input, or if the clock was wrong during an edit. (Snakemake
    does not compare parameters from functions with an argument named `input`.)
    """
    return {path: stamp_of(path) for path in made["input"] if not PATHS.is_output(path)}


def analysis_of(wildcards):
    """Return the section of the config for the analysis of a job."""
    return STUDY.analyses[wildcards.analysis]


def source_of(wildcards):
    """Return the data source of the analysis of a job."""
    return PLAN.source(wildcards.analysis)


def effect_of(wildcards):
    """Return the planned effect of a job."""
    return PLAN.effects[wildcards.analysis, wildcards.effect]


def stop_of(wildcards) -> int:
    """Return the end of the block of permutations of a job."""
    return effect_of(wildcards).stop(int(wildcards.start), int(wildcards.size))


def own_command() -> str:
    """Return the command that runs the study, for the provenance."""
    files = workflow.config_settings.configfiles
    return " ".join(
        ["snakemake", *(f"--configfile {Path(path).name}" for path in files)]
    )


def shareable(**outputs) -> dict:
    """Return the outputs of a stage in the form that the cache between workflows needs.

    Snakemake requires a common prefix, and identifies the outputs by their endings.
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
        patterns=["{figure}.png"],
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory=subcategory,
        labels={"figure": "{figure}"},
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
