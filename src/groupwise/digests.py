"""SHA-256 digests of files and of values in memory."""

import hashlib
import os
from pathlib import Path


def digest_of_file(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file as hex; of a folder (CTF): of its files and their names."""
    if Path(path).is_dir():
        files = sorted(p for p in Path(path).rglob("*") if p.is_file())
        return digest_of(*(t for p in files for t in (str(p.relative_to(path)), digest_of_file(p))))
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_of(*parts: bytes | str) -> str:
    """Return the SHA-256 of several parts as hex, each preceded by its length."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else bytes(part)
        total.update(len(raw).to_bytes(8, "little"))
        total.update(raw)
    return total.hexdigest()
