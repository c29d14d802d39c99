"""Paths of all output files, after BIDS derivatives: entities have one order in each name."""

import os
import re
from dataclasses import dataclass

#: Entities of a file name in order, between subject and session and the suffix.
ENTITIES = (*("task", "space", "cond", "contrast", "inv", "effect", "stat", "proc", "desc"),)


def camel(name: str) -> str:
    """Return a name as the value of a BIDS entity, such as auditoryLeft for auditory/left."""
    first, *rest = [part for part in re.split(r"[^A-Za-z0-9]+", name) if part]
    return "".join([first, *(part[0].upper() + part[1:] for part in rest)])


def slug(effect: str) -> str:
    """Return the name of an effect in paths, such as modalityXside for modality:side."""
    return "X".join(camel(factor) for factor in effect.split(":"))


def surfaces(subject: str, subjects_dir: str) -> list[str]:
    """Return the FreeSurfer surfaces of a subject that define its source space."""
    return [
        f"{subjects_dir}/{subject}/surf/{hemi}.{name}"
        for hemi in ("lh", "rh")
        for name in ("white", "sphere")
    ]


@dataclass(frozen=True)
class Paths:
    """Paths in the output folder. Names in braces are wildcards.

    Parameters
    ----------
    out : output folder, with the prefix of a workflow that includes this one.
    """

    out: str

    def subject_file(
        self,
        folder: str,
        ending: str,
        *,
        task: str,
        session: str | list[str] | None = None,
        **entities: str,
    ) -> str:
        """Return the path of a file of one subject, with {subject} as a wildcard.

        Parameters
        ----------
        folder : BIDS data type, such as "meg".
        ending : suffix and extension, such as "epo.fif".
        session : label of a single session, which becomes part of the name. If it is a list,
            {session} is a wildcard, and each session has its own folder.
        """
        facts = {"task": task, **entities}
        chain = [f"{key}-{facts[key]}" for key in ENTITIES if key in facts]
        several = isinstance(session, list)
        name = "{session}" if several else session
        entity = [f"ses-{name}"] if name else []
        stem = "_".join(["sub-{subject}", *entity, *chain, ending])
        folders = [f"{self.out}/sub-{{subject}}", *(entity if several else []), folder]
        return "/".join([*folders, stem])

    def anatomy_file(self, ending: str) -> str:
        """Return the path of a file of a head model, with {anatomy} as a wildcard."""
        return f"{self.out}/{{anatomy}}/anat/{{anatomy}}_{ending}"

    def template_file(self, template: str, spacing: int | str, ending: str = "src.fif") -> str:
        """Return the path of a template's source space at an icosahedron grade."""
        return f"{self.out}/template/{template}_ico-{spacing}_{ending}"

    def template_grid(self, template: str, grid: float | str, ending: str = "src.fif") -> str:
        """Return the path of a template's volume grid with a spacing in mm."""
        return f"{self.out}/template/{template}_grid-{grid}_{ending}"

    def check_table(self, name: str) -> str:
        """Return the path of the table of an input check."""
        return f"{self.out}/check/{name}.tsv"

    def first_level(self, name: str) -> str:
        """Return the path of a first-level file of all subjects together."""
        return f"{self.out}/group/first_level/{name}"

    def model(self, name: str) -> str:
        """Return the path of a file of a model of a table, with {model} as a wildcard."""
        return f"{self.out}/group/models/{{model}}/{name}"

    @property
    def stack(self) -> str:
        """Folder of the stack of an analysis."""
        return f"{self.out}/group/{{analysis}}/stack"

    @property
    def stacked(self) -> dict[str, str]:
        """Files of a stack: the array, the table of rows, the feature space, and sidecars."""
        return {
            "data": f"{self.stack}/stack.npy",
            "observations": f"{self.stack}/observations.tsv",
            "columns": f"{self.stack}/observations.json",
            "space": f"{self.stack}/space.npz",
            "sidecar": f"{self.stack}/stack.json",
        }

    @property
    def effect(self) -> str:
        """Folder of an effect."""
        return f"{self.out}/group/{{analysis}}/{{effect}}"

    def log(self, rule: str, *wildcards: str) -> str:
        """Return the path of the log of a job."""
        return f"{self.out}/logs/{job_name(rule, *wildcards)}.log"

    def benchmark(self, rule: str, *wildcards: str) -> str:
        """Return the path of the table with the run time and memory of a job."""
        return f"{self.out}/benchmarks/{job_name(rule, *wildcards)}.tsv"

    def is_output(self, path: str | os.PathLike) -> bool:
        """Return whether a path is in the output folder."""
        return str(path).startswith(f"{self.out}/")


def job_name(rule: str, *wildcards: str) -> str:
    """Return the name of a job of a rule, with wildcards in braces."""
    return "_".join([rule, *(f"{{{name}}}" for name in wildcards)])
