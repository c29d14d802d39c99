"""Pictures and interactive views as parts of one HTML file."""

import base64
import gzip
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from groupwise.report.tables import data_uri

#: Width of a subject's picture among all, in pixels: twice what is shown, for fine screens.
THUMBNAIL = 480
#: Pieces of a page from this many characters on are stored once for all pages: libraries, meshes.
LONG = 2000


def picture(figure: Mapping[str, str]) -> dict[str, Any]:
    """A PNG file as part of the page: WebP without loss, which takes half the bytes.

    Raises ValueError for a file that is no PNG.
    """
    image = _opened(figure["file"])
    return {
        "source": _webp(image, lossless=True),
        # 150 dpi to 100 pixels an inch: letters of all pictures have the size of the text.
        "width": round(image.width / 1.5),
        "height": round(image.height / 1.5),
        "title": figure["title"],
        "caption": figure["caption"],
        "alt": figure["alt"],
    }


def thumbnail(figure: Mapping[str, str]) -> dict[str, Any]:
    """A small copy of a PNG file, to be looked at beside those of other subjects."""
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
    """Interactive pages, packed: what several have in common is stored once.

    A page is a list of numbers of `pieces`; the browser puts it together when it is asked for.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, page: str) -> list[int]:
        """The numbers of a page's pieces."""
        parts = [
            part
            for block in re.split(r"(?<=<script>)(.*?)(?=</script>)", page, flags=re.DOTALL)
            for part in re.split(rf"([A-Za-z0-9+/=]{{{LONG},}})", block)
            if part
        ]
        return [self._numbers.setdefault(part, len(self._numbers)) for part in parts]

    @property
    def pieces(self) -> list[str]:
        """Pieces as base64 of gzip, in the order of their numbers."""
        return [
            base64.b64encode(gzip.compress(piece.encode(), 9, mtime=0)).decode()
            for piece in self._numbers
        ]
