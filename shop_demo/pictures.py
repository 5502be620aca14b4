"""Product pictures drawn from the product's shape and colour: small, deterministic, and nobody's property.

Shapes are drawn on a grid of 100 × 100 with y downwards, twice as large as needed, then made smaller for smooth edges.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from django.core.files.storage import default_storage
from oscar.core.thumbnails import AbstractThumbnailer
from PIL import Image, ImageColor, ImageDraw, ImageFilter

SIZE = 480  # pixels of the finished square
SCALE = SIZE * 2 / 100
INK = "#2b2f36"
METAL = "#aab2ba"
PAPER = "#f6f3ec"
WOOD = "#b98b5e"

Points = list[tuple[float, float]]


class AsDrawn(AbstractThumbnailer):
    """Oscar's thumbnailer for pictures that are drawn at the size they are shown: the picture itself."""

    def generate_thumbnail(self, source: Any, **opts: Any) -> SimpleNamespace:
        return SimpleNamespace(url=default_storage.url(getattr(source, "name", None) or str(source)))

    def delete_thumbnails(self, source: Any) -> None:
        """Nothing to delete: no thumbnails are made."""


class Pen:
    """Draws on the 100 × 100 grid in shades of one colour."""

    def __init__(self, image: Image.Image, colour: str) -> None:
        self.draw = ImageDraw.Draw(image)
        self.main = colour
        self.dark = shade(colour, 0.72)
        self.light = shade(colour, 1.22)

    def box(self, x1: float, y1: float, x2: float, y2: float, fill: str, radius: float = 0) -> None:
        self.draw.rounded_rectangle([v * SCALE for v in (x1, y1, x2, y2)], radius * SCALE, fill=fill)

    def oval(self, x1: float, y1: float, x2: float, y2: float, fill: str) -> None:
        self.draw.ellipse([v * SCALE for v in (x1, y1, x2, y2)], fill=fill)

    def ring(
        self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float, span: tuple[int, int] = (0, 360)
    ) -> None:
        self.draw.arc([v * SCALE for v in (x1, y1, x2, y2)], *span, fill=colour, width=round(width * SCALE))

    def shape(self, points: Points, fill: str) -> None:
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def line(self, points: Points, colour: str, width: float) -> None:
        self.draw.line(
            [(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=round(width * SCALE), joint="curve"
        )


def shade(colour: str, factor: float) -> str:
    """The colour made darker (below 1) or lighter (above 1)."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    if factor > 1:
        mixed = [round(255 - (255 - c) * (2 - factor)) for c in (red, green, blue)]
    else:
        mixed = [round(c * factor) for c in (red, green, blue)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def tent(p: Pen) -> None:
    p.shape([(50, 26), (14, 76), (86, 76)], p.main)
    p.shape([(50, 26), (86, 76), (66, 76)], p.dark)
    p.shape([(50, 38), (38, 76), (58, 76)], INK)
    p.shape([(50, 38), (38, 76), (33, 76)], p.light)
    p.line([(50, 26), (8, 80)], METAL, 0.8)
    p.line([(50, 26), (92, 80)], METAL, 0.8)


def backpack(p: Pen) -> None:
    p.ring(40, 14, 60, 34, INK, 2.5)
    p.box(28, 24, 72, 80, p.main, 14)
    p.box(22, 50, 30, 74, p.dark, 4)
    p.box(70, 50, 78, 74, p.dark, 4)
    p.box(28, 24, 72, 44, p.dark, 12)
    p.box(34, 54, 66, 76, p.light, 5)
    p.line([(34, 60), (66, 60)], p.dark, 1)
    p.box(47, 38, 53, 50, WOOD, 1)


def sleeping_bag(p: Pen) -> None:
    p.box(12, 44, 88, 74, p.main, 15)
    p.oval(64, 44, 92, 74, p.dark)
    p.oval(69, 49, 87, 69, p.light)
    p.oval(74, 54, 82, 64, p.dark)
    for x in (28, 50):
        p.box(x, 42, x + 4, 76, INK, 1)


def torch(p: Pen) -> None:
    p.ring(14, 34, 86, 74, INK, 5)
    p.box(34, 34, 66, 66, p.main, 8)
    p.oval(40, 40, 60, 60, PAPER)
    p.oval(45, 45, 55, 55, "#ffe9a8")
    p.box(45, 30, 55, 35, p.dark, 2)


def shoe(p: Pen) -> None:
    p.shape([(16, 66), (18, 40), (34, 38), (42, 48), (64, 54), (84, 60), (87, 68)], p.main)
    p.shape([(16, 66), (18, 48), (28, 54), (40, 66)], p.dark)
    p.box(13, 65, 89, 75, PAPER, 5)
    p.box(13, 71, 89, 76, p.dark, 2)
    for x, y in ((42, 47), (49, 50), (56, 52)):
        p.line([(x, y), (x + 5, y - 5)], PAPER, 1.6)


def bike_light(p: Pen) -> None:
    p.shape([(60, 44), (94, 28), (94, 80), (60, 64)], "#fff4cf")
    p.box(22, 42, 62, 66, p.main, 6)
    p.box(56, 40, 66, 68, p.dark, 4)
    p.box(32, 64, 48, 76, INK, 3)
    p.oval(30, 48, 40, 58, p.light)


def helmet(p: Pen) -> None:
    p.draw.pieslice([v * SCALE for v in (14, 26, 86, 98)], 180, 360, fill=p.main)
    p.box(12, 59, 88, 66, p.dark, 3)
    for x in (26, 42, 58):
        p.shape([(x, 56), (x + 6, 34), (x + 12, 34), (x + 10, 56)], p.dark)
    p.line([(26, 66), (38, 82), (50, 82)], INK, 1.6)


def bottle(p: Pen) -> None:
    p.box(42, 14, 58, 26, INK, 3)
    p.box(36, 24, 64, 84, p.main, 8)
    p.box(36, 40, 64, 62, p.dark, 0)
    p.box(40, 28, 44, 80, p.light, 2)


def pan(p: Pen) -> None:
    p.box(60, 46, 95, 53, p.main, 3)
    p.oval(12, 24, 68, 78, INK)
    p.oval(15, 26, 65, 74, shade(INK, 1.25))
    p.oval(20, 31, 60, 69, "#4a5058")
    p.oval(90, 48, 93, 51, PAPER)


def knife(p: Pen) -> None:
    p.shape([(10, 56), (58, 40), (60, 54), (22, 60)], METAL)
    p.shape([(10, 56), (22, 60), (60, 54), (59, 50)], "#d6dbe0")
    p.shape([(58, 39), (90, 30), (93, 40), (60, 55)], p.main)
    for x, y in ((67, 45), (75, 42), (83, 39)):
        p.oval(x, y - 2, x + 3, y + 1, PAPER)


def jar(p: Pen) -> None:
    p.box(26, 28, 74, 82, "#dfe8ea", 9)
    p.box(29, 46, 71, 79, p.main, 7)
    p.box(28, 20, 72, 32, WOOD, 4)
    p.box(36, 54, 64, 68, PAPER, 2)
    p.line([(40, 61), (60, 61)], p.dark, 1.4)


def pot(p: Pen) -> None:
    p.box(10, 50, 90, 58, p.dark, 4)
    p.box(18, 42, 82, 80, p.main, 10)
    p.box(15, 36, 85, 45, p.light, 4)
    p.draw.pieslice([v * SCALE for v in (20, 24, 80, 54)], 180, 360, fill=p.main)
    p.box(44, 20, 56, 28, INK, 3)


def bag(p: Pen) -> None:
    p.shape([(30, 22), (70, 22), (74, 84), (26, 84)], p.main)
    p.box(29, 18, 71, 27, p.dark, 1)
    p.box(34, 42, 66, 68, PAPER, 2)
    p.oval(42, 47, 58, 63, p.dark)
    p.line([(50, 48), (48, 55), (51, 62)], PAPER, 1.2)


def tin(p: Pen) -> None:
    p.box(28, 30, 72, 82, p.main, 4)
    p.oval(28, 76, 72, 88, p.main)
    p.oval(28, 22, 72, 38, p.dark)
    p.oval(32, 20, 68, 33, p.light)
    p.box(28, 48, 72, 68, PAPER)
    p.shape([(50, 52), (58, 60), (50, 66), (42, 60)], p.dark)


def grinder(p: Pen) -> None:
    p.line([(50, 26), (74, 20)], METAL, 2.4)
    p.oval(70, 13, 82, 25, WOOD)
    p.box(34, 26, 66, 56, p.main, 5)
    p.shape([(36, 56), (64, 56), (68, 82), (32, 82)], WOOD)
    p.box(34, 50, 66, 57, METAL, 1)
    p.oval(47, 66, 53, 72, INK)


def teapot(p: Pen) -> None:
    p.ring(66, 40, 92, 70, p.dark, 4)
    p.shape([(30, 54), (10, 40), (14, 36), (36, 48)], p.dark)
    p.oval(22, 36, 76, 82, p.main)
    p.oval(36, 33, 62, 44, p.light)
    p.oval(45, 26, 53, 35, p.dark)
    p.oval(30, 44, 44, 62, p.light)


def headphones(p: Pen) -> None:
    p.ring(20, 18, 80, 84, INK, 5, (180, 360))
    for x in (15, 69):
        p.box(x, 48, x + 16, 78, p.main, 7)
    p.box(27, 50, 33, 76, p.dark, 3)
    p.box(67, 50, 73, 76, p.dark, 3)


def speaker(p: Pen) -> None:
    p.box(30, 16, 70, 84, p.main, 6)
    p.oval(36, 44, 64, 72, INK)
    p.oval(42, 50, 58, 66, p.light)
    p.oval(43, 24, 57, 38, INK)
    p.oval(47, 28, 53, 34, METAL)


def keyboard(p: Pen) -> None:
    p.shape([(10, 40), (90, 40), (94, 70), (6, 70)], p.dark)
    p.shape([(10, 38), (90, 38), (94, 66), (6, 66)], p.main)
    for row, (y, count) in enumerate(((42, 11), (49, 11), (56, 11))):
        for column in range(count):
            x = 13 - row + column * (6.9 + row * 0.18)
            p.box(x, y, x + 5.2, y + 5, PAPER if (column + row) % 6 else p.light, 1)


def lamp(p: Pen) -> None:
    p.line([(44, 78), (34, 50), (58, 30)], METAL, 2.6)
    p.shape([(50, 24), (66, 18), (84, 44), (58, 50)], p.main)
    p.shape([(58, 50), (84, 44), (94, 74), (50, 74)], "#fff4cf")
    p.box(30, 76, 60, 82, p.dark, 3)
    p.oval(31, 47, 37, 53, INK)


def throw(p: Pen) -> None:
    for y, fill in ((62, p.dark), (50, p.main), (38, p.light)):
        p.box(16, y, 84, y + 16, fill, 7)
    for x in range(24, 80, 8):
        p.line([(x, 40), (x, 52)], p.main, 1.4)
    for x in range(20, 84, 4):
        p.line([(x, 78), (x, 83)], p.dark, 1)


def candle(p: Pen) -> None:
    p.box(32, 40, 68, 82, "#e3ebec", 5)
    p.box(34, 48, 66, 80, p.main, 4)
    p.box(38, 56, 62, 70, PAPER, 2)
    p.line([(50, 48), (50, 40)], INK, 1.2)
    p.shape([(50, 22), (56, 36), (50, 42), (44, 36)], "#f2b04b")
    p.shape([(50, 30), (53, 37), (50, 41), (47, 37)], "#fff1c7")


def planter(p: Pen) -> None:
    leaf = "#5f8a5b"
    for tip in ((26, 22), (40, 12), (60, 12), (74, 22)):
        p.shape([(50, 54), tip, ((tip[0] + 50) / 2 + 7, 30)], leaf)
        p.line([(50, 54), tip], shade(leaf, 0.75), 0.8)
    p.shape([(30, 54), (70, 54), (64, 84), (36, 84)], p.main)
    p.box(27, 48, 73, 57, p.dark, 2)


def trowel(p: Pen) -> None:
    p.shape([(20, 84), (22, 62), (36, 46), (46, 56), (40, 74)], METAL)
    p.shape([(20, 84), (32, 62), (36, 46), (46, 56), (40, 74)], "#c7cdd3")
    p.line([(40, 52), (56, 36)], METAL, 3.4)
    p.line([(56, 36), (80, 14)], p.main, 8)
    p.line([(58, 36), (80, 16)], p.light, 1.4)


def wine(p: Pen) -> None:
    p.box(44, 10, 56, 40, p.dark, 2)
    p.box(44, 10, 56, 18, INK, 2)
    p.box(36, 34, 64, 86, p.dark, 8)
    p.box(36, 50, 64, 72, PAPER)
    p.box(42, 58, 58, 61, p.main)
    p.box(45, 65, 55, 67, p.light)


def apple(p: Pen) -> None:
    p.line([(50, 34), (54, 18)], WOOD, 2.4)
    p.shape([(54, 26), (64, 14), (76, 16), (68, 27)], "#5f8a5b")
    p.oval(20, 30, 62, 80, p.main)
    p.oval(38, 30, 80, 80, p.main)
    p.oval(32, 40, 82, 84, p.main)
    p.oval(28, 38, 40, 58, p.light)


def loaf(p: Pen) -> None:
    crumb = "#e9cf9f"
    p.box(12, 44, 88, 80, "#a9713d", 8)
    for x in (12, 37, 62):
        p.oval(x, 28, x + 26, 60, "#bd8448")
    p.box(16, 46, 84, 76, crumb, 5)
    p.box(30, 56, 70, 70, p.main, 2)
    p.line([(36, 63), (64, 63)], PAPER, 1.4)


def cheese(p: Pen) -> None:
    p.shape([(12, 58), (74, 30), (88, 46), (88, 58)], "#f3d27a")
    p.shape([(12, 58), (88, 58), (88, 80), (12, 80)], "#e5b84f")
    for x, y, r in ((28, 66, 4), (48, 71, 5), (68, 65, 4.5), (80, 73, 3)):
        p.oval(x - r, y - r, x + r, y + r, "#cf9c36")
    p.box(38, 76, 64, 84, p.main, 2)


def meat(p: Pen) -> None:
    p.box(10, 34, 90, 82, "#e9edef", 8)
    p.oval(20, 40, 66, 76, "#b84a4a")
    p.oval(40, 44, 82, 74, "#b84a4a")
    p.oval(26, 46, 44, 62, "#f1d9d2")
    p.oval(31, 50, 39, 58, "#b84a4a")
    p.box(60, 62, 86, 78, p.main, 2)
    p.line([(65, 70), (81, 70)], PAPER, 1.4)


def parcel(p: Pen) -> None:
    """What stands in where a product's shape is unknown."""
    p.box(20, 32, 80, 80, p.main, 3)
    p.box(20, 32, 80, 46, p.dark, 3)
    p.box(45, 32, 55, 80, p.light)


SHAPES: dict[str, Callable[[Pen], None]] = {
    draw.__name__: draw
    for draw in (
        tent, backpack, sleeping_bag, torch, shoe, bike_light, helmet, bottle, pan, knife, jar, pot,
        bag, tin, grinder, teapot, headphones, speaker, keyboard, lamp, throw, candle, planter, trowel, wine, apple,
        loaf, cheese, meat, parcel,
    )
}  # fmt: skip


@cache
def backdrop(tint: str) -> Image.Image:
    """A soft studio background in a pale version of ``tint`` with a shadow on the floor."""
    size = SIZE * 2
    pale = ImageColor.getrgb(shade(tint, 1.86))
    ramp = Image.linear_gradient("L").resize((size, size))
    image = Image.composite(
        Image.new("RGB", (size, size), shade("#{:02x}{:02x}{:02x}".format(*pale), 0.93)),
        Image.new("RGB", (size, size), pale),
        ramp,
    )
    shadow = Image.new("L", (size, size), 0)
    ImageDraw.Draw(shadow).ellipse([v * SCALE for v in (16, 78, 84, 90)], fill=70)
    return Image.composite(
        Image.new("RGB", (size, size), INK), image, shadow.filter(ImageFilter.GaussianBlur(SCALE * 2.2))
    )


def draw_picture(shape: str, colour: str) -> bytes:
    """A JPEG of ``shape`` (a name in SHAPES; a parcel where unknown) in ``colour`` (``#rrggbb``)."""
    image = backdrop(colour).copy()
    SHAPES.get(shape, parcel)(Pen(image, colour))
    target = BytesIO()
    image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(target, "JPEG", quality=86, optimize=True)
    return target.getvalue()
