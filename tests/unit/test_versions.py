"""An edit of the library behind a rule is noticed, since Snakemake sees only the rule's params.

`versions.json` holds, for each rule, its version and a digest of the code its script reaches in the
library (docstrings and comments aside). After an edit: raise `version` in the rule if its results
change, then run `python tests/unit/test_versions.py` to store the new digest.
"""

import ast
import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).with_name("versions.json")
SOURCE = ROOT / "src"
#: Rooms that shape no result: what they do is seen in params or is no computation.
ASIDE = (
    *("groupwise.job", "groupwise.errors", "groupwise.config"),
    *("groupwise.files", "groupwise.npz", "groupwise.digests", "groupwise.provenance"),
    "groupwise.figures.manifest",
)


def module_file(name: str) -> Path | None:
    """The file of a module of the library."""
    path = SOURCE / name.replace(".", "/")
    found = [p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()]
    return found[0] if found else None


def imports(tree: ast.AST) -> set[str]:
    """Modules of the library that a file imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("groupwise"):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {a.name for a in node.names if a.name.startswith("groupwise")}
    return {n for n in names if module_file(n) and not n.startswith(ASIDE)} - {"groupwise"}


def without_docstrings(tree: ast.AST) -> ast.AST:
    """The tree without what no result depends on."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                node.body = body[1:]
    return tree


def digest_of_rule(name: str) -> str:
    """Digest of all library code that a rule's script reaches."""
    waiting = imports(ast.parse((ROOT / f"scripts/{name}.py").read_text()))
    seen: dict[str, str] = {}
    while waiting:
        module = waiting.pop()
        tree = ast.parse(module_file(module).read_text())
        waiting |= imports(tree) - set(seen) - {module}
        seen[module] = ast.dump(without_docstrings(tree))
    text = "\n".join(f"{module}\n{seen[module]}" for module in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def current() -> dict[str, dict]:
    """Version and digest of each rule as they are now."""
    found = {}
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for text in re.split(r"^ *(?=rule \w+:)", path.read_text(), flags=re.M)[1:]:
            name = re.match(r"rule (\w+):", text)[1]
            version = int(re.search(r"version=(\d+)", text)[1])
            found[name] = {"version": version, "digest": digest_of_rule(name)}
    return found


def test_no_edit_of_the_library_goes_unnoticed():
    stored, now = json.loads(STORED.read_text()), current()
    edited = [name for name in now if stored.get(name) != now[name]]
    assert set(stored) == set(now) and not edited, (
        f"the library behind {', '.join(edited) or 'some rules'} changed: raise `version` in the "
        "rule where results change, then run python tests/unit/test_versions.py"
    )


if __name__ == "__main__":
    STORED.write_text(json.dumps(current(), indent=2) + "\n")
