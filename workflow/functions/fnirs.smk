"""Settings of fNIRS, and paths of participants."""


def fnirs_params(*keys: str) -> dict:
    """Just these keys of the section, as plain values that Snakemake compares."""
    dumped = FNIRS.model_dump(mode="json")
    return {key: dumped[key] for key in keys}


def of_participants(pattern: str) -> list[str]:
    """A path of each participant with fNIRS."""
    return [pattern.format(subject=name) for name in OPTODES.names] if FNIRS else []
