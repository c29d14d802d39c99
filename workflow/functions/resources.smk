"""Requested memory and time of jobs, from the size of their inputs."""

from functools import cache

from groupwise.inputs.checked import stamp_of

#: Memory of the two Snakemake processes that start a job on a cluster, in MB.
STARTERS = 300


@cache
def recorded_mb(subject: str) -> float:
    """Return the size of the recordings of a subject in MB."""
    return sum(Path(path).stat().st_size for path in PLAN.given_files(subject)) / 2**20


def input_mb(wildcards, input, names=()) -> float:
    """Return the size of the inputs of a job in MB, or of the inputs with the given names.

    If an earlier stage of the same cluster job makes an input that does not exist yet, the size of
    the recordings of the subject is used instead. (With Snakemake's `input.size_mb`, such a job
    would request nothing for the stage.)
    """
    files = [input[name] for name in names] or input
    sizes = [stamp_of(path)[:1] for path in files]
    known = sum(size for found in sizes for size in found) / 2**20
    subject = wildcards.get("subject")
    return known + (recorded_mb(subject) if subject and [] in sizes else 0)


def megabytes(base: int, times: float, *names: str):
    """Return a function for the memory of a job in MB: base + times * size of its inputs.

    With names, only the inputs with these names count. The second attempt requests 1.5 times, the
    third twice the memory of the inputs and the base.
    """
    return lambda wildcards, input, attempt: int(
        STARTERS
        + (base + times * input_mb(wildcards, input, names)) * (1 + 0.5 * (attempt - 1))
    )


def minutes(base: int, per_gigabyte: float = 5):
    """Return a function for the time of a job in min; attempt n requests n times the time."""
    return lambda wildcards, input, attempt: int(
        (base + per_gigabyte * input_mb(wildcards, input) / 1024) * attempt
    )


def minutes_of_block(wildcards, input, attempt) -> int:
    """Return the time of a block in min: three times that of the slowest design on one core.

    A permutation takes 0.001 to 0.015 ms per megabyte of values, and with TFCE 0.9 to 1.4 ms
    (docs/benchmarks.md).
    """
    tfce = analysis_of(wildcards).statistic_options["tfce"]
    each = (5 if tfce else 0.05) * input_mb(wildcards, input)  # ms
    count = stop_of(wildcards) - int(wildcards.start)
    return int((10 + count * each / 60_000) * attempt)
