"""Files written whole or not at all, with their digests and their provenance beside them."""

import errno
import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.errors import InputError

if TYPE_CHECKING:
    import numpy as np

#: The packages whose versions decide a result; each sidecar lists those that are installed.
SOFTWARE = (
    *("groupwise", "mne", "mne-bids", "nilearn", "nibabel"),
    *("numpy", "scipy", "scikit-learn", "numba", "pandas"),
)

#: How the folder of an unfinished file begins.
PART = ".part."


@contextmanager
def write_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path in the same folder, renamed to `path` when the block ends well.

    The temporary name keeps the ending of `path`, since many writers choose their format by it.
    On an error nothing is left behind and an existing file stays as it was. InputError where the
    disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PART}{path.name}.", dir=path.parent))
    part = folder / path.name
    try:
        with _full_disk_told(path):
            yield part
            _to_disk(part)
            part.replace(path)
    finally:
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()


@contextmanager
def _full_disk_told(path: Path) -> Iterator[None]:
    """InputError for a write that found no room."""
    try:
        yield
    except OSError as error:
        # NumPy reports a write that was cut short without an error number.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None):
            raise
        raise InputError(
            f"{path}: could not be written ({error.strerror or error}); free space on the disk or "
            "raise the quota, and run again. What is finished is kept"
        ) from error


def _to_disk(path: Path) -> None:
    """Have the system write a file out, so that its name never outlives its content."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


@contextmanager
def write_whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary folder, renamed to `path` when the block ends well.

    On an error nothing is left behind. A folder that stands there already is replaced.
    InputError where the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PART}{path.name}.", dir=path.parent))
    old = folder.with_name(f"{folder.name}.old")
    try:
        with _full_disk_told(path):
            yield folder
            for file in folder.rglob("*"):
                if file.is_file():
                    _to_disk(file)
            folder.chmod(0o777 & ~_umask())  # mkdtemp lets nobody else read
            if path.exists():
                path.rename(old)  # half of it must never stand under its name
            folder.rename(path)
    finally:
        for left in (folder, old):
            shutil.rmtree(left, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def arrays_of(
    path: str | os.PathLike, wrong: str, remedy: str
) -> "Iterator[dict[str, np.ndarray]]":
    """The arrays of a .npz file, to be taken apart in the block.

    Raises
    ------
    InputError : the file is absent, truncated or damaged; or it lacks what the block asks for,
        which is told as `wrong` ("no block of permutations"). `remedy` ends both.
    """
    arrays = read_arrays(path, remedy)
    try:
        yield arrays
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: {wrong} ({error!r}); {remedy}") from error


def read_arrays(path: str | os.PathLike, remedy: str) -> "dict[str, np.ndarray]":
    """The arrays of a .npz file; InputError names one that is absent, truncated or damaged."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    # Whatever a damaged archive makes zlib, zipfile, struct or numpy raise.
    except Exception as error:
        raise InputError(f"{Path(path)}: not readable ({error}); {remedy}") from error


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write text (UTF-8) whole or not at all."""
    with write_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, content: dict[str, Any]) -> None:
    """Write a dict as indented JSON, keys in their own order, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")


def write_manifest(
    path: str | os.PathLike,
    figures: list[dict[str, str]],
    *,
    title: str,
    subject: str | None = None,
) -> None:
    """Write the list of the pictures of one stage, which the report reads.

    Each figure is a dict with `file` (a path, stored relative to the manifest's folder), `title`,
    `caption` and `alt` (what a reader who cannot see the picture must know). Raises ValueError
    when one of these is missing or empty: a picture without words does not enter the report.
    """
    folder = Path(path).parent.resolve()
    listed = []
    for figure in figures:
        if missing := [k for k in ("file", "title", "caption", "alt") if not figure.get(k)]:
            raise ValueError(f"figure {figure.get('file')}: {', '.join(missing)} missing")
        file = os.path.relpath(Path(figure["file"]).resolve(), folder)
        listed.append(dict(figure) | {"file": Path(file).as_posix()})
    write_json(path, {"title": title, "subject": subject, "figures": listed})


def read_manifest(path: str | os.PathLike) -> dict[str, Any]:
    """A manifest, or the one in a folder (`figures.json`), its files as paths that open from here.

    Raises InputError naming a manifest that cannot be read or a picture that is not there.
    """
    path = Path(path)
    path = path / "figures.json" if path.is_dir() else path
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for figure in manifest["figures"]:
            figure["file"] = str(path.parent / figure["file"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not a readable list of figures ({error}); make it again"
        ) from error
    absent = [f["file"] for f in manifest["figures"] if not Path(f["file"]).is_file()]
    if absent:
        raise InputError([f"{name}: absent, though {path} lists it" for name in absent])
    return manifest


def digest_of_file(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes, as hex; of a folder (CTF), over its files and their names."""
    if Path(path).is_dir():
        files = sorted(p for p in Path(path).rglob("*") if p.is_file())
        return digest_of(*(t for p in files for t in (str(p.relative_to(path)), digest_of_file(p))))
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_of(*parts: bytes | str) -> str:
    """SHA-256 over several parts, each preceded by its length, as hex."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else bytes(part)
        total.update(len(raw).to_bytes(8, "little"))
        total.update(raw)
    return total.hexdigest()


def software() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def provenance(params: dict[str, Any], sources: list[str | os.PathLike]) -> dict[str, Any]:
    """What a sidecar says of an output's making: software, parameters, inputs with digests.

    No time, so that the same inputs give the same bytes: the parameter `given`, by which Snakemake
    notices a replaced input, is left out.
    """
    params = {key: value for key, value in params.items() if key != "given"}
    return {
        "GeneratedBy": [{"Name": "groupwise", "Version": version("groupwise")}],
        "Software": software(),
        "Parameters": params,
        "SourceDigests": {str(path): digest_of_file(path) for path in sources},
    }
