"""Settings of M/EEG, visits, and paths of estimates."""


def meeg_params(*keys: str) -> dict:
    """Just these sections of the study, as plain values that Snakemake compares."""
    dumped = MEEG.model_dump(mode="json")
    return {key: dumped[key] for key in keys}


def visit_of(wildcards):
    """The input files of a subject, and of a session where there are several."""
    return RECORDINGS.of(wildcards.subject, wildcards.get("session"))


def of_visits(pattern: str) -> list[str]:
    """A path of each subject with recordings, and of each of its sessions."""
    return [pattern.format(**own.visit) for own in RECORDINGS.subjects] if MEEG else []


def bad_channels(wildcards) -> list[str]:
    """Bad channels of the config: for everyone, and for this subject."""
    given = MEEG.bad_channels
    return [*given.get("all", []), *given.get(wildcards.subject, [])]


def estimates(space: str | None = None) -> dict[str, str]:
    """Path of the source estimate of each condition; {subject} stays a wildcard."""
    entities = {"inv": MEEG.inverse.method} | ({"space": space} if space else {})
    return {
        name: meeg_file("stc.h5", cond=camel(name), **entities)
        for name in MEEG.conditions
    }
