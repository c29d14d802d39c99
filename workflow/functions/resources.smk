"""Memory and time of jobs, by the size of their inputs."""

from functools import cache

from groupwise.inputs.checked import stamp_of

#: Memory of the two Snakemakes that start a job on a cluster, in MB.
STARTERS = 300


@cache
def recorded_mb(subject: str) -> float:
    """Return the size of a subject's recordings."""
    return sum(Path(path).stat().st_size for path in PLAN.given_files(subject)) / 2**20


def input_mb(wildcards, input, names=()) -> float:
    """Return the size of a job's inputs, or of those with some names.

    Where a part of it is made within the same job of a cluster, and is not there yet, the subject's
    recordings stand for that. (Snakemake's own `input.size_mb` would leave the stage out of what
    such a job asks for.)
    """
    files = [input[name] for name in names] or input
    sizes = [stamp_of(path)[:1] for path in files]
    known = sum(size for found in sizes for size in found) / 2**20
    subject = wildcards.get("subject")
    return known + (recorded_mb(subject) if subject and [] in sizes else 0)


def megabytes(base: int, times: float, *names: str):
    """Return a function for the memory of a job: its own, plus a multiple of its inputs, in MB.

    With names, the inputs of those names count. A retry asks for half as much again each time.
    """
    return lambda wildcards, input, attempt: int(
        STARTERS
        + (base + times * input_mb(wildcards, input, names)) * (1 + 0.5 * (attempt - 1))
    )


def minutes(base: int, per_gigabyte: float = 5):
    """Return a function for the time of a job: twice of it at the second try, and so on."""
    return lambda wildcards, input, attempt: int(
        (base + per_gigabyte * input_mb(wildcards, input) / 1024) * attempt
    )


def minutes_of_block(wildcards, input, attempt) -> int:
    """Return the time of a block: three times that of the slowest design on a current core.

    A permutation takes 0.001 to 0.015 ms per megabyte of values, and with TFCE 0.9 to 1.4 ms
    (docs/benchmarks.md).
    """
    tfce = analysis_of(wildcards).statistic_options["tfce"]
    each = (5 if tfce else 0.05) * input_mb(wildcards, input)  # ms
    count = stop_of(wildcards) - int(wildcards.start)
    return int((10 + count * each / 60_000) * attempt)
