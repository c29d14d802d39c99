"""Embed figures and interactive views in one HTML file."""

import base64
import gzip
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from groupwise.report.tables import data_uri

#: Width of a thumbnail in pixels: twice the width shown, for high-resolution screens.
THUMBNAIL = 480
#: Minimal length (characters) of a base64 block that is a piece of its own, such as a mesh.
LONG = 2000


def embed_figure(figure: Mapping[str, str]) -> dict[str, Any]:
    """Return a PNG file as an embedded image: lossless WebP, which has half the size.

    Raises ValueError if the file is not a PNG file.
    """
    image = _opened(figure["file"])
    return {
        "source": _webp(image, lossless=True),
        # 150 dpi to 100 pixels per inch: letters in figures have the size of the text.
        "width": round(image.width / 1.5),
        "height": round(image.height / 1.5),
        "title": figure["title"],
        "caption": figure["caption"],
        "alt": figure["alt"],
    }


def embed_thumbnail(figure: Mapping[str, str]) -> dict[str, Any]:
    """Return a PNG file as a small embedded image, for the gallery of subjects."""
    image = _opened(figure["file"])
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    source = _webp(image, quality=80)
    return {"source": source, "width": image.width // 2, "height": image.height // 2,
            "alt": figure["alt"]}  # fmt: skip


def _opened(file: str) -> Image.Image:
    with Path(file).open("rb") as handle:
        if handle.read(8) != b"\x89PNG\r\n\x1a\n":
            raise ValueError(f"{file} is not a PNG file")
        image = Image.open(handle)
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _webp(image: Image.Image, **how: Any) -> str:
    out = io.BytesIO()
    image.save(out, "WEBP", method=4, **how)
    return data_uri("image/webp", out.getvalue())


class Views:
    """Interactive pages, compressed: pieces that several pages share are stored once.

    A page is a list of indices into `pieces`. The browser joins them when a reader opens the page.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, page: str) -> list[int]:
        """Add a page and return the indices of its pieces."""
        parts = [
            part
            for block in re.split(r"(?<=<script>)(.*?)(?=</script>)", page, flags=re.DOTALL)
            for part in re.split(rf"([A-Za-z0-9+/=]{{{LONG},}})", block)
            if part
        ]
        return [self._numbers.setdefault(part, len(self._numbers)) for part in parts]

    @property
    def pieces(self) -> list[str]:
        """Pieces, compressed with gzip and encoded as base64, in the order of their indices."""
        return [
            base64.b64encode(gzip.compress(piece.encode(), 9, mtime=0)).decode()
            for piece in self._numbers
        ]
