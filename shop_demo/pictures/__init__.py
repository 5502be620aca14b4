"""Product pictures drawn from a product's look: small, deterministic, and nobody's property.

A picture is a shape in the product's colour, its pattern laid over whatever has exactly that colour, on a backdrop in
a pale shade of the accent. Backdrops are of three sorts, so that a wall of cards does not look the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
from django.core.files.storage import default_storage
from oscar.core.thumbnails import AbstractThumbnailer
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from shop_demo.pictures import devices, groceries, papers, rooms, wear
from shop_demo.pictures.pen import INK, SIZE, Pen, shade

SHAPES: dict[str, Callable[[Pen], None]] = {
    name: draw
    for room in (wear, devices, rooms, groceries, papers)
    for name, draw in vars(room).items()
    if callable(draw) and not name.startswith("_") and draw.__module__ == room.__name__
}


class AsDrawn(AbstractThumbnailer):
    """Oscar's thumbnailer for pictures that are drawn at the size they are shown: the picture itself."""

    def generate_thumbnail(self, source: Any, **opts: Any) -> SimpleNamespace:
        return SimpleNamespace(url=default_storage.url(getattr(source, "name", None) or str(source)))

    def delete_thumbnails(self, source: Any) -> None:
        """Nothing to delete: no thumbnails are made."""


def draw_picture(shape: str, colour: str, pattern: str = "plain", accent: str = "#f6f3ec") -> bytes:
    """A JPEG of ``shape`` (a name in SHAPES; a parcel where unknown) in these colours (``#rrggbb``)."""
    layer = Image.new("RGBA", (SIZE * 2, SIZE * 2))
    SHAPES.get(shape, groceries.parcel)(Pen(layer, colour, accent))
    if pattern != "plain":
        _lay_pattern(layer, colour, pattern, accent)
    layer = layer.reduce(2)
    number = zlib.crc32(f"{shape} {colour} {pattern} {accent}".encode())
    image = backdrop(accent, number % 3).copy()
    image.paste(INK, (0, SIZE // 60), _shadow(layer))
    image.paste(layer, (0, 0), layer)
    target = BytesIO()
    image.save(target, "JPEG", quality=84)
    return target.getvalue()


@cache
def backdrop(tint: str, sort: int) -> Image.Image:
    """A soft studio background in a pale version of ``tint``: a ramp, a disc or a floor."""
    pale, deeper = shade(tint, 1.82), shade(tint, 1.66)
    image = Image.composite(
        Image.new("RGB", (SIZE, SIZE), shade(pale, 0.95)),
        Image.new("RGB", (SIZE, SIZE), pale),
        Image.linear_gradient("L").resize((SIZE, SIZE)),
    )
    draw = ImageDraw.Draw(image)
    if sort == 1:
        disc = Image.new("L", (SIZE * 2, SIZE * 2), 0)
        ImageDraw.Draw(disc).ellipse([SIZE * 0.16, SIZE * 0.16, SIZE * 1.84, SIZE * 1.84], fill=255)
        image.paste(deeper, (0, 0), disc.reduce(2))
    elif sort == 2:
        draw.rectangle([0, SIZE * 0.72, SIZE, SIZE], fill=deeper)
    return image


def _shadow(layer: Image.Image) -> Image.Image:
    """What the shape casts: its outline, blurred and faint. Blurred small, which is quicker."""
    small = layer.getchannel("A").resize((SIZE // 6, SIZE // 6))
    blurred = small.filter(ImageFilter.GaussianBlur(2)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return blurred.point(lambda value: value * 0.28)


def _lay_pattern(layer: Image.Image, colour: str, pattern: str, accent: str) -> None:
    """Colour the pattern's parts of everything that is exactly in ``colour``."""
    pixels = np.array(layer)
    wanted = np.array(ImageColor.getrgb(colour), dtype=np.uint8)
    here = (pixels[..., 0] == wanted[0]) & (pixels[..., 1] == wanted[1]) & (pixels[..., 2] == wanted[2])
    second = shade(colour, 0.8 if _is_light(colour) else 1.3) if pattern in ("herringbone", "flecked") else accent
    pixels[here & _pattern(pattern) & (pixels[..., 3] > 0), :3] = ImageColor.getrgb(second)
    if pattern == "checked":  # where the bands cross
        pixels[here & _pattern("crossings"), :3] = ImageColor.getrgb(shade(second, 0.8))
    layer.paste(Image.fromarray(pixels, "RGBA"))


@cache
def _pattern(name: str) -> np.ndarray:
    """Where a pattern's second colour goes, (2·SIZE, 2·SIZE) bool."""
    y, x = np.mgrid[0 : SIZE * 2, 0 : SIZE * 2] * 50 // SIZE  # the grid of 100, in whole steps
    fine_y, fine_x = np.mgrid[0 : SIZE * 2, 0 : SIZE * 2] * 50 / SIZE
    if name == "striped":
        return fine_y % 7 < 2.4
    if name == "checked":
        return (fine_x % 9 < 2.2) | (fine_y % 9 < 2.2)
    if name == "crossings":
        return (fine_x % 9 < 2.2) & (fine_y % 9 < 2.2)
    if name == "dotted":
        shifted = fine_x + 4 * (fine_y // 8 % 2)
        return (shifted % 8 - 4) ** 2 + (fine_y % 8 - 4) ** 2 < 2.6
    if name == "herringbone":
        zigzag = np.abs(fine_x % 8 - 4)
        return (fine_y + zigzag) % 4 < 1.4
    return np.random.default_rng(5).random((100, 100))[y, x] < 0.14  # flecked


def _is_light(colour: str) -> bool:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return 0.3 * red + 0.59 * green + 0.11 * blue > 140
