"""Where every file is: one fact an entity, entities in one order (after BIDS derivatives)."""

import os
import re

ENTITIES = (
    *("task", "space", "cond", "contrast", "inv", "effect", "stat", "proc", "desc"),
)


def camel(name: str) -> str:
    """A name as the value of an entity: auditory/left becomes auditoryLeft."""
    first, *rest = [part for part in re.split(r"[^A-Za-z0-9]+", name) if part]
    return "".join([first, *(part[0].upper() + part[1:] for part in rest)])


def file_of(section, folder: str, ending: str, **entities: str) -> str:
    """A subject's file of a branch of the workflow; {subject} stays a wildcard."""
    facts = {"task": section.task, **entities}
    chain = [f"{key}-{facts[key]}" for key in ENTITIES if key in facts]
    several = isinstance(section.session, list)  # each has its folder and its wildcard
    name = "{session}" if several else section.session
    session = [f"ses-{name}"] if name else []
    stem = "_".join(["sub-{subject}", *session, *chain, ending])
    place = [f"{OUT}/sub-{{subject}}", *(session if several else []), folder]
    return "/".join([*place, stem])


def anatomy_file(ending: str) -> str:
    """A file of an anatomy, a subject's or the template's; {anatomy} stays a wildcard."""
    return f"{OUT}/{{anatomy}}/anat/{{anatomy}}_{ending}"


def template_file(template: str, spacing: int | str) -> str:
    """Vertices of a template at an icosahedron grade."""
    return f"{OUT}/template/{template}_ico-{spacing}_src.fif"


def anatomy_of(subject: str) -> str:
    """The FreeSurfer subject whose head stands for a subject's."""
    return MEEG.morph.to if MEEG.anatomy == "template" else f"sub-{subject}"


def surfaces(subject: str, subjects_dir: str) -> list[str]:
    """Surfaces of a subject that source spaces are made of."""
    return [
        f"{subjects_dir}/{subject}/surf/{hemi}.{name}"
        for hemi in ("lh", "rh")
        for name in ("white", "sphere")
    ]


def job_of(rule: str, *wildcards: str) -> str:
    """The name of a rule's job; wildcards stay wildcards."""
    return "_".join([rule, *(f"{{{name}}}" for name in wildcards)])


def log_of(rule: str, *wildcards: str) -> str:
    """A job's log."""
    return f"{OUT}/logs/{job_of(rule, *wildcards)}.log"


def benchmark_of(rule: str, *wildcards: str) -> str:
    """A job's time and memory."""
    return f"{OUT}/benchmarks/{job_of(rule, *wildcards)}.tsv"


def shareable(**outputs: str | list[str]) -> dict:
    """Outputs of a stage, as Snakemake's cache between workflows takes them.

    It wants one beginning for all, and tells them apart by their endings.
    """
    each = {
        name: [paths] if isinstance(paths, str) else list(paths)
        for name, paths in outputs.items()
    }
    start = os.path.commonprefix([path for paths in each.values() for path in paths])
    marked = {
        name: multiext(start, *(path[len(start) :] for path in paths))
        for name, paths in each.items()
    }
    return {
        name: paths[0] if isinstance(outputs[name], str) else paths
        for name, paths in marked.items()
    }


def pictures(folder: str, caption: str, category: str, subcategory: str):
    """A folder of pictures, which Snakemake's own report shows too."""
    return report(
        directory(folder),
        patterns=["{picture}.png"],
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory=subcategory,
        labels={"picture": "{picture}"},
    )


def told_table(path: str, what: str):
    """A table of an effect, which Snakemake's own report shows too."""
    return report(
        path,
        caption="../report/table.rst",
        category="{analysis}",
        subcategory="{effect}",
        labels={"table": what},
    )


STACK = f"{OUT}/group/{{analysis}}/stack"
EFFECT = f"{OUT}/group/{{analysis}}/{{effect}}"
#: An analysis' maps as one array, the table of its rows, what its points are, and the sidecar.
STACKED = {
    "data": f"{STACK}/stack.npy",
    "observations": f"{STACK}/observations.tsv",
    "columns": f"{STACK}/observations.json",
    "space": f"{STACK}/space.npz",
    "sidecar": f"{STACK}/stack.json",
}


def slug(effect: str) -> str:
    """An effect as part of a path: modality:side becomes modalityXside, one-sample oneSample."""
    return "X".join(camel(factor) for factor in effect.split(":"))


def effect_named(analysis: str, part: str) -> str:
    """The effect whose slug stands in a path."""
    return next(
        name for name in STUDY.analyses[analysis].effect_names if slug(name) == part
    )
