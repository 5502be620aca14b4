"""What the shapes are drawn with: a pen on a grid of 100 × 100 with y downwards, in shades of one colour."""

from __future__ import annotations

from PIL import Image, ImageColor, ImageDraw

SIZE = 400  # pixels of the finished square
SCALE = SIZE * 2 / 100  # drawn twice as large, then made smaller for smooth edges
INK = "#2b2f36"
METAL = "#aab2ba"
SILVER = "#d6dbe0"
PAPER = "#f6f3ec"
WOOD = "#b98b5e"
LEAF = "#5f8a5b"
GLOW = "#fff1c7"
SCREEN = "#1d2530"

Points = list[tuple[float, float]]


class Pen:
    """Draws in shades of ``colour``; ``accent`` is a second colour for labels and motifs."""

    def __init__(self, image: Image.Image, colour: str, accent: str = PAPER) -> None:
        self.draw = ImageDraw.Draw(image)
        self.main = colour  # exactly this colour takes the pattern
        self.dark = shade(colour, 0.74)
        self.light = shade(colour, 1.24)
        self.accent = accent

    def box(self, x1: float, y1: float, x2: float, y2: float, fill: str, radius: float = 0) -> None:
        self.draw.rounded_rectangle([v * SCALE for v in (x1, y1, x2, y2)], radius * SCALE, fill=fill)

    def oval(self, x1: float, y1: float, x2: float, y2: float, fill: str) -> None:
        self.draw.ellipse([v * SCALE for v in (x1, y1, x2, y2)], fill=fill)

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        self.oval(x - radius, y - radius, x + radius, y + radius, fill)

    def slice(self, x1: float, y1: float, x2: float, y2: float, start: int, end: int, fill: str) -> None:
        self.draw.pieslice([v * SCALE for v in (x1, y1, x2, y2)], start, end, fill=fill)

    def ring(
        self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float, span: tuple[int, int] = (0, 360)
    ) -> None:
        self.draw.arc([v * SCALE for v in (x1, y1, x2, y2)], *span, fill=colour, width=round(width * SCALE))

    def shape(self, points: Points, fill: str) -> None:
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def mirrored(self, points: Points, fill: str) -> None:
        """The shape, and its mirror image on the other side of the middle."""
        self.shape(points, fill)
        self.shape([(100 - x, y) for x, y in points], fill)

    def whole(self, half: Points, fill: str) -> None:
        """The symmetric shape whose left half runs from top to bottom."""
        self.shape(half + [(100 - x, y) for x, y in reversed(half)], fill)

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
