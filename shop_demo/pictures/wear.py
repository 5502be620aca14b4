"""What is worn and carried."""

from __future__ import annotations

from shop_demo.pictures.pen import INK, METAL, PAPER, WOOD, Pen, Points

BODY: Points = [(40, 20), (30, 24), (27, 84)]  # left half of a top without sleeves
LONG: Points = [(31, 23), (17, 36), (12, 78), (22, 80), (30, 46)]
SHORT: Points = [(31, 23), (12, 40), (21, 52), (31, 44)]


def _top(p: Pen, sleeves: Points, cuffs: bool = False, neck: float = 27) -> None:
    p.mirrored(sleeves, p.dark)
    p.whole(BODY, p.main)
    p.slice(40, 20 - (neck - 20), 60, neck, 0, 180, p.dark)
    if cuffs:
        p.mirrored([(12, 75), (22, 77), (22, 81), (12, 79)], p.light)
        p.box(27, 80, 73, 85, p.light, 1)


def _buttons(p: Pen, top: float, bottom: float, colour: str = PAPER) -> None:
    p.line([(50, top), (50, bottom)], p.dark, 0.8)
    step = (bottom - top) / 6
    for n in range(1, 6):
        p.dot(50, top + n * step, 0.9, colour)


def tee(p: Pen) -> None:
    _top(p, SHORT, neck=28)


def longsleeve(p: Pen) -> None:
    _top(p, LONG, cuffs=True)


def shirt(p: Pen) -> None:
    _top(p, LONG, neck=26)
    p.mirrored([(40, 18), (50, 27), (43, 34), (37, 22)], p.light)
    _buttons(p, 30, 82)
    p.box(56, 42, 67, 53, p.light, 1)


def blouse(p: Pen) -> None:
    p.mirrored([(31, 23), (16, 30), (11, 52), (16, 62), (25, 60), (31, 44)], p.dark)
    p.whole([(42, 20), (31, 23), (34, 54), (26, 84)], p.main)
    p.slice(41, 13, 59, 29, 0, 180, p.dark)
    p.mirrored([(50, 28), (42, 34), (44, 42), (50, 34)], p.accent)
    _buttons(p, 40, 82)


def jumper(p: Pen) -> None:
    _top(p, LONG, cuffs=True, neck=29)
    p.ring(39, 10, 61, 30, p.light, 2.4, (0, 180))


def rollneck(p: Pen) -> None:
    _top(p, LONG, cuffs=True)
    p.box(40, 12, 60, 25, p.light, 3)
    p.line([(41, 19), (59, 19)], p.dark, 0.8)


def cardigan(p: Pen) -> None:
    _top(p, LONG, cuffs=True)
    p.shape([(41, 20), (59, 20), (50, 50)], PAPER)
    p.line([(41, 20), (50, 50), (50, 84)], p.light, 2.2)
    p.line([(59, 20), (50, 50)], p.light, 2.2)
    for y in (55, 64, 73):
        p.dot(50, y, 1.3, WOOD)
    for x in (31, 57):
        p.box(x, 62, x + 12, 73, p.dark, 1)


def jacket(p: Pen) -> None:
    p.oval(34, 8, 66, 34, p.dark)
    _top(p, LONG)
    p.mirrored([(40, 20), (50, 26), (50, 36), (38, 26)], p.light)
    p.line([(50, 26), (50, 84)], METAL, 1.4)
    for x in (31, 58):
        p.box(x, 58, x + 11, 72, p.dark, 1)
        p.line([(x, 61), (x + 11, 61)], p.light, 1)
    p.box(57, 38, 67, 47, p.dark, 1)


def coat(p: Pen) -> None:
    p.mirrored([(32, 18), (18, 32), (15, 74), (24, 76), (31, 44)], p.dark)
    p.whole([(41, 14), (31, 18), (30, 48), (25, 92)], p.main)
    p.shape([(41, 14), (59, 14), (50, 42)], PAPER)
    p.mirrored([(41, 14), (50, 42), (39, 36), (36, 18)], p.light)
    p.line([(50, 42), (50, 92)], p.dark, 1)
    for y in (48, 58, 68):
        p.dot(46, y, 1.3, INK)
        p.dot(54, y, 1.3, INK)
    for x in (31, 57):
        p.box(x, 62, x + 12, 65, p.dark, 1)


def trousers(p: Pen) -> None:
    p.shape([(32, 16), (68, 16), (74, 90), (56, 90), (50, 40), (44, 90), (26, 90)], p.main)
    p.box(31, 13, 69, 20, p.dark, 1)
    p.box(47, 14, 53, 19, WOOD, 1)
    p.line([(50, 20), (50, 40)], p.dark, 1)
    p.line([(34, 21), (40, 29)], p.dark, 1)
    p.line([(66, 21), (60, 29)], p.dark, 1)
    p.mirrored([(26, 86), (44.4, 86), (44, 90), (26, 90)], p.light)


def shorts(p: Pen) -> None:
    p.shape([(30, 28), (70, 28), (78, 76), (55, 78), (50, 48), (45, 78), (22, 76)], p.main)
    p.box(29, 25, 71, 33, p.dark, 1)
    p.line([(47, 33), (44, 46)], PAPER, 1)
    p.line([(53, 33), (56, 46)], PAPER, 1)
    p.mirrored([(22.4, 72), (45.6, 74), (45, 78), (22, 76)], p.light)


def dress(p: Pen) -> None:
    p.mirrored([(35, 16), (24, 28), (28, 38), (36, 32)], p.dark)
    p.whole([(42, 12), (35, 16), (38, 44), (20, 90)], p.main)
    p.slice(42, 5, 58, 20, 0, 180, p.dark)
    p.box(37, 42, 63, 46, p.accent, 1)


def wrapdress(p: Pen) -> None:
    p.mirrored([(35, 16), (22, 36), (27, 46), (36, 34)], p.dark)
    p.whole([(42, 12), (35, 16), (38, 44), (22, 90)], p.main)
    p.shape([(42, 12), (58, 12), (47, 34)], PAPER)
    p.line([(58, 12), (42, 44)], p.light, 2)
    p.line([(42, 46), (58, 90)], p.dark, 1.2)
    p.box(37, 42, 63, 47, p.dark, 1)
    p.shape([(40, 46), (30, 62), (36, 62), (44, 47)], p.dark)


def skirt(p: Pen) -> None:
    p.shape([(34, 24), (66, 24), (82, 82), (18, 82)], p.main)
    p.box(33, 18, 67, 26, p.dark, 1)
    for x in (-16, -8, 8, 16):
        p.line([(50 + x, 28), (50 + x * 1.9, 81)], p.dark, 0.8)


def shoe(p: Pen) -> None:
    p.shape([(16, 66), (18, 40), (34, 38), (42, 48), (64, 54), (84, 60), (87, 68)], p.main)
    p.shape([(16, 66), (18, 48), (28, 54), (40, 66)], p.dark)
    p.box(13, 65, 89, 75, PAPER, 5)
    p.box(13, 71, 89, 76, p.dark, 2)
    for x, y in ((42, 47), (49, 50), (56, 52)):
        p.line([(x, y), (x + 5, y - 5)], PAPER, 1.6)


def loafer(p: Pen) -> None:
    p.shape([(12, 70), (14, 46), (24, 44), (36, 54), (54, 50), (70, 54), (86, 62), (89, 70)], p.main)
    p.shape([(40, 53), (54, 50), (68, 54), (62, 60), (46, 60)], p.dark)
    p.box(46, 54, 58, 57, p.light, 1)
    p.box(11, 69, 90, 74, INK, 2)
    p.box(11, 72, 32, 79, INK, 1)


def chelsea(p: Pen) -> None:
    p.shape([(24, 74), (27, 20), (56, 20), (57, 50), (76, 58), (86, 66), (87, 74)], p.main)
    p.shape([(38, 22), (48, 22), (47, 50), (40, 50)], p.dark)
    p.box(26, 13, 32, 22, p.light, 1)
    p.box(22, 73, 88, 78, INK, 2)
    p.box(22, 76, 42, 84, INK, 1)


def boot(p: Pen) -> None:
    p.shape([(22, 72), (25, 18), (54, 18), (55, 46), (74, 56), (86, 64), (87, 72)], p.main)
    p.shape([(70, 54), (86, 64), (87, 72), (66, 72)], p.dark)
    p.box(23, 15, 56, 23, p.light, 3)
    for y in (30, 37, 44, 51):
        p.line([(46, y), (57, y - 2)], PAPER, 1.6)
    p.box(20, 71, 89, 79, INK, 2)
    for x in range(22, 88, 9):
        p.box(x, 77, x + 5, 83, INK, 1)


def tote(p: Pen) -> None:
    p.ring(34, 12, 66, 60, p.dark, 3, (180, 360))
    p.shape([(22, 36), (78, 36), (82, 86), (18, 86)], p.main)
    p.line([(22, 38), (78, 38)], p.dark, 2)
    p.box(42, 54, 58, 66, p.accent, 2)


def backpack(p: Pen) -> None:
    p.ring(40, 14, 60, 34, INK, 2.5)
    p.box(22, 50, 30, 74, p.dark, 4)
    p.box(70, 50, 78, 74, p.dark, 4)
    p.box(28, 24, 72, 82, p.main, 14)
    p.box(28, 24, 72, 44, p.dark, 12)
    p.box(34, 54, 66, 77, p.light, 5)
    p.line([(34, 60), (66, 60)], p.dark, 1)
    p.box(47, 38, 53, 50, WOOD, 1)


def satchel(p: Pen) -> None:
    p.ring(16, 2, 84, 84, p.dark, 2.4, (195, 345))
    p.box(16, 36, 84, 84, p.dark, 5)
    p.box(16, 32, 84, 64, p.main, 6)
    for x in (30, 62):
        p.box(x, 40, x + 8, 72, p.light, 1)
        p.box(x - 1, 62, x + 9, 69, METAL, 1)


def beanie(p: Pen) -> None:
    p.slice(20, 20, 80, 100, 180, 360, p.main)
    p.box(17, 56, 83, 74, p.dark, 6)
    for x in range(22, 82, 6):
        p.line([(x, 58), (x, 72)], p.light, 0.9)
    p.dot(50, 18, 7, p.accent)


def scarf(p: Pen) -> None:
    p.oval(24, 14, 76, 50, p.dark)
    p.oval(34, 20, 66, 38, PAPER)
    p.shape([(30, 34), (50, 42), (46, 88), (28, 86)], p.main)
    p.shape([(54, 42), (70, 34), (76, 76), (60, 80)], p.main)
    for x in range(29, 47, 3):
        p.line([(x, 86), (x, 93)], p.dark, 1)
    for x in range(61, 77, 3):
        p.line([(x, 78), (x + 1, 85)], p.dark, 1)


def cap(p: Pen) -> None:
    p.slice(18, 28, 78, 96, 180, 360, p.main)
    p.shape([(18, 62), (78, 58), (94, 68), (78, 72), (18, 66)], p.dark)
    p.line([(48, 28), (48, 60)], p.dark, 1)
    p.dot(48, 28, 2, p.light)


def socks(p: Pen) -> None:
    for x, y in ((0, 0), (26, 6)):
        p.shape(
            [
                (24 + x, 14 + y),
                (42 + x, 14 + y),
                (44 + x, 58 + y),
                (58 + x, 72 + y),
                (52 + x, 82 + y),
                (38 + x, 82 + y),
                (24 + x, 64 + y),
            ],
            p.main,
        )
        p.box(23 + x, 12 + y, 43 + x, 20 + y, p.dark, 2)
        p.slice(44 + x, 64 + y, 62 + x, 84 + y, 0, 360, p.dark)
        p.dot(30 + x, 66 + y, 6, p.dark)


def gloves(p: Pen) -> None:
    for side in (-1, 1):

        def at(x: float, side: int = side) -> float:
            return 50 + side * x

        for n, height in enumerate((34, 26, 24, 30)):
            x = 8 + n * 8
            left, right = sorted((at(x), at(x + 7)))
            p.box(left, height, right, 60, p.main, 3.4)
        left, right = sorted((at(8), at(39)))
        p.box(left, 50, right, 76, p.main, 6)
        p.shape([(at(9), 64), (at(3), 50), (at(6), 46), (at(14), 56)], p.main)
        p.box(left, 74, right, 86, p.dark, 2)
