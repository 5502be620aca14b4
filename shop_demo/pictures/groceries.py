"""What is eaten and drunk."""

from __future__ import annotations

from shop_demo.pictures.pen import INK, LEAF, METAL, PAPER, WOOD, Pen, shade


def _label(p: Pen, x1: float, y1: float, x2: float, y2: float) -> None:
    """A paper label with a round motif and two lines of print."""
    p.box(x1, y1, x2, y2, PAPER, 2)
    middle, height = (x1 + x2) / 2, y2 - y1
    p.dot(middle, y1 + height * 0.36, height * 0.2, p.accent)
    p.shape(
        [
            (middle, y1 + height * 0.2),
            (middle + height * 0.14, y1 + height * 0.06),
            (middle + height * 0.04, y1 + height * 0.22),
        ],
        LEAF,
    )
    for n, share in enumerate((0.7, 0.84)):
        half = (x2 - x1) * (0.32 - n * 0.1)
        p.line([(middle - half, y1 + height * share), (middle + half, y1 + height * share)], p.dark, 1.2)


def pouch(p: Pen) -> None:
    p.shape([(26, 20), (74, 20), (78, 84), (22, 84)], p.main)
    p.box(25, 14, 75, 23, p.dark, 1)
    p.line([(27, 27), (73, 27)], p.light, 0.8)
    _label(p, 35, 38, 65, 68)
    p.slice(22, 74, 78, 92, 180, 360, p.dark)


def box_food(p: Pen) -> None:
    p.shape([(70, 18), (82, 24), (82, 88), (70, 86)], p.dark)
    p.box(22, 18, 70, 86, p.main, 1)
    p.box(22, 18, 70, 26, p.light, 1)
    _label(p, 29, 34, 63, 66)
    p.box(32, 74, 60, 78, PAPER, 1)


def jar_food(p: Pen) -> None:
    p.box(26, 28, 74, 84, shade(p.accent, 0.9), 9)
    p.box(30, 14, 70, 29, p.main, 3)
    p.box(30, 24, 70, 29, p.dark, 1)
    p.box(26, 42, 74, 74, p.main)
    _label(p, 36, 45, 64, 71)


def bottle_oil(p: Pen) -> None:
    p.box(43, 6, 57, 16, INK, 2)
    p.shape([(44, 14), (56, 14), (57, 32), (66, 42), (66, 88), (34, 88), (34, 42), (43, 32)], "#4c5a2f")
    p.line([(38, 46), (38, 84)], "#728247", 1.6)
    p.box(34, 50, 66, 80, p.main)
    _label(p, 39, 53, 61, 77)


def bar(p: Pen) -> None:
    for y, fill in ((52, p.dark), (28, p.main)):
        p.shape([(14, y), (86, y), (86, y + 24), (14, y + 24)], fill)
        for x in (8, 86):
            p.shape(
                [
                    (x, y),
                    (x + 6, y + 2),
                    (x, y + 5),
                    (x + 6, y + 8),
                    (x, y + 11),
                    (x + 6, y + 14),
                    (x, y + 17),
                    (x + 6, y + 20),
                    (x, y + 24),
                    (x + 3, y + 24),
                    (x + 6, y),
                ],
                p.light,
            )
    p.box(30, 33, 70, 47, PAPER, 2)
    p.dot(38, 40, 4, p.accent)
    p.line([(46, 38), (64, 38)], p.dark, 1.2)
    p.line([(46, 43), (58, 43)], p.dark, 1.2)


def carton(p: Pen) -> None:
    p.shape([(34, 24), (66, 24), (70, 34), (30, 34)], p.dark)
    p.box(33, 14, 67, 25, p.light, 1)
    p.box(46, 18, 56, 30, PAPER, 2)
    p.box(30, 33, 70, 90, p.main)
    p.shape([(30, 78), (70, 66), (70, 90), (30, 90)], p.light)
    _label(p, 37, 42, 63, 66)


def bag(p: Pen) -> None:
    p.shape([(30, 22), (70, 22), (74, 84), (26, 84)], p.main)
    p.box(29, 18, 71, 27, p.dark, 1)
    p.box(34, 42, 66, 68, PAPER, 2)
    p.oval(42, 47, 58, 63, p.dark)
    p.line([(50, 48), (48, 55), (51, 62)], PAPER, 1.2)
    p.dot(50, 34, 2.4, p.accent)


def tin(p: Pen) -> None:
    p.oval(28, 76, 72, 88, p.main)
    p.box(28, 30, 72, 82, p.main, 4)
    p.oval(28, 22, 72, 38, p.dark)
    p.oval(32, 20, 68, 33, p.light)
    p.box(28, 48, 72, 68, PAPER)
    p.shape([(50, 50), (60, 58), (50, 66), (40, 58)], p.accent)


def bottle(p: Pen) -> None:
    p.box(42, 14, 58, 26, INK, 3)
    p.box(36, 24, 64, 84, p.main, 8)
    p.box(36, 40, 64, 62, p.dark, 0)
    p.box(40, 28, 44, 80, p.light, 2)


def wine(p: Pen) -> None:
    p.box(44, 10, 56, 40, p.dark, 2)
    p.box(44, 10, 56, 18, INK, 2)
    p.box(36, 34, 64, 86, p.dark, 8)
    p.box(36, 50, 64, 72, PAPER)
    p.box(42, 58, 58, 61, p.main)
    p.box(45, 65, 55, 67, p.light)


def apple(p: Pen) -> None:
    p.line([(50, 34), (54, 18)], WOOD, 2.4)
    p.shape([(54, 26), (64, 14), (76, 16), (68, 27)], LEAF)
    p.oval(20, 30, 62, 80, p.main)
    p.oval(38, 30, 80, 80, p.main)
    p.oval(32, 40, 82, 84, p.main)
    p.oval(28, 38, 40, 58, p.light)


def loaf(p: Pen) -> None:
    p.box(12, 44, 88, 80, "#a9713d", 8)
    for x in (12, 37, 62):
        p.oval(x, 28, x + 26, 60, "#bd8448")
    p.box(16, 46, 84, 76, "#e9cf9f", 5)
    p.box(30, 56, 70, 70, p.main, 2)
    p.line([(36, 63), (64, 63)], PAPER, 1.4)


def cheese(p: Pen) -> None:
    p.shape([(12, 58), (74, 30), (88, 46), (88, 58)], "#f3d27a")
    p.shape([(12, 58), (88, 58), (88, 80), (12, 80)], "#e5b84f")
    for x, y, r in ((28, 66, 4), (48, 71, 5), (68, 65, 4.5), (80, 73, 3)):
        p.dot(x, y, r, "#cf9c36")
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
    p.line([(50, 32), (50, 46)], METAL, 1)
