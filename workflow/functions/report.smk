"""What is asked for, and what the report is made of."""


def effects() -> list[tuple[str, str]]:
    """Analysis and effect slug of everything that is inferred."""
    return [
        (name, slug(effect))
        for name, analysis in STUDY.analyses.items()
        for effect in analysis.effect_names
    ]


def of_effects(pattern: str) -> list[str]:
    """A path of each effect."""
    return [
        pattern.format(analysis=analysis, effect=effect)
        for analysis, effect in effects()
    ]


def participants_of(section) -> str | list:
    """The participants table of a modality, which may have a BIDS root of its own."""
    root = getattr(section, "bids_root", None) or STUDY.bids_root
    path = STUDY.participants or f"{root}/participants.tsv"
    return path if root and Path(path).is_file() else []


def report_of_meeg() -> dict[str, str | list[str]]:
    """What the report tells of M/EEG, by the names of `groupwise.meeg.report`."""
    if not MEEG:
        return {}
    first = RECORDINGS.subjects[0].raw[0]
    return {
        "found": CHECKED,
        "drops": of_visits(rules.preprocess.output.drops),
        "epochs": of_visits(rules.preprocess.output.sidecar),
        "covariances": of_visits(rules.noise_covariance.output.sidecar),
        "estimates": of_visits(rules.apply_inverse.output.sidecar) if RESIDUALS else [],
        "transforms": (
            of_visits(rules.coregistration.output.sidecar) if MEEG.subjects_dir else []
        ),
        "groups": [rules.figures_meeg.output.folder],
        "folders": of_visits(rules.quality_meeg.output.folder),
        "participants": participants_of(MEEG),
        "sidecars": sidecars_of(first, STUDY.bids_root),
    }


def report_of_fmri() -> dict[str, str | list[str]]:
    """The same of fMRI."""
    if not FMRI:
        return {}
    own = rules.quality_fmri.output.folder
    raw = RUNS.of(RUNS.names[0])[0]["events"].replace("_events.tsv", "_bold.nii.gz")
    made = Path(FMRI.derivatives) / "dataset_description.json"
    return {
        "found": RUNS_CHECKED,
        "designs": [
            rules.fit_runs.output.sidecar.format(subject=name) for name in RUNS.names
        ],
        "groups": [rules.figures_first_level.output.folder],
        "folders": [own.format(subject=name) for name in RUNS.names],
        "participants": participants_of(FMRI),
        "sidecars": [
            *sidecars_of(raw, FMRI.bids_root or STUDY.bids_root),
            *([str(made)] if made.is_file() else []),
        ],
    }


def report_of_fnirs() -> dict[str, str | list[str]]:
    """The same of fNIRS."""
    if not FNIRS:
        return {}
    raw = OPTODES.of(OPTODES.names[0])[0]["raw"]
    root = FNIRS.bids_root or STUDY.bids_root
    return {
        "found": OPTODES_CHECKED,
        "pairs": [
            path.format(subject=name)
            for name in OPTODES.names
            for path in rules.haemoglobin.output.pairs
        ],
        "pair_facts": of_participants(rules.haemoglobin.output.sidecar),
        "designs": of_participants(rules.fit_channels.output.sidecar),
        "groups": [rules.figures_fnirs.output.folder],
        "folders": of_participants(rules.quality_fnirs.output.folder),
        "participants": participants_of(FNIRS),
        "sidecars": sidecars_of(raw, root) if root and not FNIRS.recordings else [],
    }


def rooms() -> dict[str, dict]:
    """What the report needs of each modality beside files."""
    known = {}
    if MEEG:
        known["meeg"] = {"subjects": [own.label for own in RECORDINGS.subjects]}
    if FMRI:
        known["fmri"] = {"subjects": RUNS.names, "conditions": list(FMRI.conditions)}
    if FNIRS:
        known["fnirs"] = {
            "subjects": OPTODES.names,
            "conditions": list(FNIRS.conditions),
        }
    return known


def targets_of_check() -> list[str]:
    checks = [(MEEG, "inputs"), (FMRI, "runs"), (FNIRS, "optodes")]
    return [f"{OUT}/check/{name}.tsv" for section, name in checks if section]


def targets_of_first_level() -> list[str]:
    """Maps of every subject and condition in template space."""
    maps = []
    if MEEG:
        morphed = estimates(space=None if MEEG_ON_GRID else MEEG.morph.to).values()
        own = morphed if MEEG.subjects_dir else [rules.evoked.output.evoked]
        maps += [path for pattern in own for path in of_visits(pattern)]
    if FMRI:
        effects = first_level_maps("effect").values()
        maps += [p.format(subject=name) for name in RUNS.names for p in effects]
    if FNIRS:
        maps += list(rules.channel_table.output)
    return maps


def of_models(pattern: str) -> list[str]:
    """A path of each model."""
    return [pattern.format(model=name) for name in STUDY.models]


def targets_of_group() -> list[str]:
    of_both = [f"{EFFECT}/infer/result.json", f"{EFFECT}/maps"]
    found = [path for pattern in of_both for path in of_effects(pattern)]
    return found + of_models(rules.fit_model.output.table)


def views() -> list[str]:
    """Pages of the effects on surfaces and on volumes of MNI space, which the templates are of."""
    of_volumes = [
        name for name in VOLUMES if section_of(name).space.upper().startswith("MNI")
    ]
    kinds = dict.fromkeys([*of_volumes, *ON_GRID], "volume") | dict.fromkeys(
        ON_SURFACE, "surface"
    )
    return [
        f"{EFFECT}/views/{kinds[analysis]}.html".format(
            analysis=analysis, effect=effect
        )
        for analysis, effect in effects()
        if analysis in kinds
    ]
