"""Pages of the docs as a reader follows them: files are written, commands are typed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.workflow.study_trees import ROOT

DOCS = ROOT / "docs"
#: What a clone holds that commands of the docs need.
CLONE = ("Snakefile", "config", "workflow", "scripts", "profiles", "envs", "benchmarks")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page: Path) -> list[tuple[str, str, str]]:
    """Language, text, and the paragraph before, of each block of code."""
    text = page.read_text(encoding="utf-8")
    return [
        (found[1], found[2], text[: found.start()].rstrip().rsplit("\n\n", 1)[-1])
        for found in BLOCK.finditer(text)
    ]


def commands_of(page: Path) -> list[str]:
    """The commands of a page, without their comments."""
    lines = [
        line for kind, text, _ in blocks_of(page) if kind == "bash" for line in text.split("\n")
    ]
    return [re.sub(r"\s+#.*", "", line).strip() for line in lines if line.strip()]


def config_of(page: Path) -> dict:
    """The study config that a tutorial has its reader write."""
    (text,) = (text for kind, text, before in blocks_of(page) if _named(kind, before))
    return yaml.safe_load(text)


def _named(kind: str, before: str) -> str | None:
    """The file that a block is to be written to."""
    named = re.search(r"Write this as `([^`]+)`:$", before)
    return named[1] if named and kind == "yaml" else None


def follow(page: Path, folder: Path) -> dict[str, str]:
    """Do what a page says, in a folder that looks like a clone; what each command printed.

    A command that fails ends it.
    """
    for name in CLONE:
        (folder / name).symlink_to(ROOT / name)
    tools = Path(sys.executable).parent
    place = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    said = {}
    for kind, text, before in blocks_of(page):
        if name := _named(kind, before):
            (folder / name).write_text(text, encoding="utf-8")
        elif kind == "python":
            subprocess.run([sys.executable, "-c", text], cwd=folder, env=place, check=True)
        elif kind == "bash":
            for line in text.strip().split("\n"):
                done = subprocess.run(
                    ["bash", "-c", line], cwd=folder, env=place, capture_output=True, text=True
                )
                said[line] = done.stdout + done.stderr
                assert done.returncode == 0, f"{page.name}: {line}\n{said[line]}"
    return said
