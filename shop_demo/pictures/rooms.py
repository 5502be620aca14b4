"""What stands, hangs and lies about the house."""

from __future__ import annotations

from shop_demo.pictures.pen import GLOW, INK, LEAF, METAL, PAPER, SILVER, WOOD, Pen, shade


def lamp(p: Pen) -> None:
    p.shape([(58, 50), (84, 44), (94, 74), (50, 74)], "#fff4cf")
    p.line([(44, 78), (34, 50), (58, 30)], METAL, 2.6)
    p.shape([(50, 24), (66, 18), (84, 44), (58, 50)], p.main)
    p.box(30, 76, 60, 82, p.dark, 3)
    p.dot(34, 50, 3, INK)


def pendant(p: Pen) -> None:
    p.line([(50, 0), (50, 24)], INK, 1.2)
    p.shape([(26, 62), (74, 62), (88, 92), (12, 92)], "#fff4cf")
    p.slice(20, 22, 80, 102, 180, 360, p.main)
    p.box(46, 17, 54, 26, p.dark, 2)
    p.box(19, 59, 81, 64, p.dark, 2)
    p.slice(42, 54, 58, 72, 0, 180, GLOW)


def floor_lamp(p: Pen) -> None:
    p.line([(50, 34), (50, 88)], METAL, 2.2)
    p.shape([(30, 44), (70, 44), (78, 62), (22, 62)], "#fff4cf")
    p.shape([(38, 10), (62, 10), (72, 44), (28, 44)], p.main)
    p.box(28, 42, 72, 45, p.dark, 1)
    p.box(34, 87, 66, 92, p.dark, 2)


def bulb(p: Pen) -> None:
    p.dot(50, 40, 26, "#f3ead2")
    p.shape([(32, 58), (68, 58), (60, 72), (40, 72)], "#f3ead2")
    for x in (41, 47, 53, 59):
        p.line([(x, 30), (x, 52)], "#eda93a", 1.6)
    p.line([(50, 52), (50, 70)], METAL, 1.4)
    _thread(p)


def bulb_opal(p: Pen) -> None:
    p.dot(50, 40, 27, PAPER)
    p.shape([(30, 56), (70, 56), (61, 72), (39, 72)], PAPER)
    p.oval(34, 24, 46, 42, "#ffffff")
    _thread(p)


def _thread(p: Pen) -> None:
    p.box(39, 71, 61, 76, p.main, 1)
    for y in (77, 81, 85):
        p.box(41, y, 59, y + 3, METAL, 1)
    p.shape([(44, 88), (56, 88), (50, 92)], INK)


def spot(p: Pen) -> None:
    p.shape([(20, 22), (80, 22), (62, 66), (38, 66)], p.main)
    p.oval(20, 14, 80, 30, SILVER)
    p.oval(27, 17, 73, 28, GLOW)
    p.box(40, 64, 60, 76, p.dark, 2)
    for x in (43, 53):
        p.box(x, 75, x + 4, 88, METAL, 1)


def bedding(p: Pen) -> None:
    p.box(12, 30, 88, 44, PAPER, 6)
    p.box(12, 38, 88, 78, p.main, 6)
    p.shape([(12, 46), (88, 46), (88, 56), (12, 60)], p.light)
    p.box(12, 76, 88, 84, p.dark, 2)
    p.box(14, 84, 20, 92, WOOD, 1)
    p.box(80, 84, 86, 92, WOOD, 1)
    for x in (18, 54):
        p.box(x, 22, x + 28, 38, p.accent, 6)


def sheet(p: Pen) -> None:
    for y, fill in ((64, p.dark), (50, p.main), (36, p.main)):
        p.box(18, y, 82, y + 16, fill, 3)
        p.line([(19, y + 8), (81, y + 8)], p.dark, 0.7)
    p.box(44, 32, 56, 84, p.accent)
    p.shape([(50, 34), (36, 24), (40, 38)], p.accent)
    p.shape([(50, 34), (64, 24), (60, 38)], p.accent)


def pillow(p: Pen) -> None:
    for y, fill in ((46, p.dark), (24, p.main)):
        p.shape(
            [(14, y + 4), (50, y), (86, y + 4), (90, y + 20), (86, y + 36), (50, y + 40), (14, y + 36), (10, y + 20)],
            fill,
        )
    p.line([(22, 32), (22, 56)], p.light, 1)
    p.line([(78, 32), (78, 56)], p.light, 1)


def towel(p: Pen) -> None:
    p.box(12, 14, 88, 19, WOOD, 2)
    p.box(26, 16, 74, 88, p.main, 2)
    p.box(26, 72, 74, 78, p.light)
    p.box(26, 80, 74, 82, p.light)
    p.shape([(26, 16), (34, 16), (34, 60), (26, 60)], p.dark)


def cushion(p: Pen) -> None:
    p.shape([(16, 20), (50, 25), (84, 20), (80, 52), (84, 86), (50, 81), (16, 86), (20, 52)], p.main)
    for x, y in ((16, 20), (84, 20), (16, 86), (84, 86)):
        p.dot(x, y, 2.2, p.dark)
    p.line([(24, 80), (50, 77), (76, 80)], p.dark, 0.8)


def throw(p: Pen) -> None:
    for y, fill in ((62, p.dark), (50, p.main), (38, p.main)):
        p.box(16, y, 84, y + 16, fill, 7)
    p.line([(17, 53), (83, 53)], p.dark, 0.9)
    for x in range(20, 84, 4):
        p.line([(x, 77), (x, 84)], p.dark, 1)


def pouf(p: Pen) -> None:
    p.oval(14, 60, 86, 88, p.dark)
    p.box(14, 46, 86, 76, p.main, 12)
    p.oval(14, 32, 86, 62, p.light)
    p.dot(50, 46, 2.4, p.dark)


def rug(p: Pen) -> None:
    p.shape([(20, 26), (80, 26), (94, 82), (6, 82)], p.main)
    p.line([(22, 30), (78, 30)], p.light, 1.6)
    p.line([(9, 77), (91, 77)], p.light, 1.8)
    for n in range(19):
        p.line([(7 + n * 4.8, 82), (6.4 + n * 4.86, 88)], PAPER, 1)
        p.line([(20.5 + n * 3.26, 26), (20.8 + n * 3.24, 22)], PAPER, 0.8)


def rug_round(p: Pen) -> None:
    p.oval(6, 26, 94, 88, p.dark)
    p.oval(9, 28, 91, 85, p.main)
    for inset in (14, 24, 34):
        p.ring(inset, 27 + inset * 0.62, 100 - inset, 87 - inset * 0.62, p.dark, 0.9)


def pan(p: Pen) -> None:
    p.box(60, 46, 95, 53, p.main, 3)
    p.oval(12, 24, 68, 78, INK)
    p.oval(15, 26, 65, 74, shade(INK, 1.25))
    p.oval(20, 31, 60, 69, "#4a5058")
    p.dot(91, 49.5, 1.6, PAPER)


def pot(p: Pen) -> None:
    p.box(10, 50, 90, 58, p.dark, 4)
    p.box(18, 42, 82, 80, p.main, 10)
    p.slice(20, 24, 80, 54, 180, 360, p.main)
    p.box(15, 36, 85, 45, p.light, 4)
    p.box(44, 20, 56, 28, INK, 3)


def saucepan(p: Pen) -> None:
    p.box(60, 44, 98, 51, p.dark, 3)
    p.box(12, 38, 66, 78, p.main, 6)
    p.oval(12, 31, 66, 46, p.light)
    p.oval(16, 33, 62, 43, METAL)


def knife(p: Pen) -> None:
    p.shape([(6, 60), (58, 38), (60, 54), (22, 63)], METAL)
    p.shape([(6, 60), (22, 63), (60, 54), (59, 50)], SILVER)
    p.shape([(58, 37), (90, 28), (93, 38), (60, 54)], p.main)
    for x, y in ((67, 44), (75, 41), (83, 38)):
        p.dot(x, y, 1.5, PAPER)


def knife_small(p: Pen) -> None:
    p.shape([(22, 58), (52, 44), (54, 54), (34, 60)], METAL)
    p.shape([(22, 58), (34, 60), (54, 54), (53, 51)], SILVER)
    p.shape([(52, 43), (80, 33), (84, 42), (54, 55)], p.main)
    p.dot(62, 46, 1.4, PAPER)
    p.dot(73, 42, 1.4, PAPER)


def knife_bread(p: Pen) -> None:
    teeth = [(6 + n * 4, 58 - n * 1.2 + (2.2 if n % 2 else 0)) for n in range(14)]
    p.shape([(4, 52), (58, 36), (60, 42), *reversed(teeth)], SILVER)
    p.line([(6, 53), (58, 38)], METAL, 1)
    p.shape([(57, 34), (92, 25), (95, 35), (60, 46)], p.main)


def mug(p: Pen) -> None:
    p.ring(60, 38, 88, 72, p.dark, 5)
    p.box(22, 28, 70, 84, p.main, 7)
    p.oval(22, 22, 70, 36, p.light)
    p.oval(26, 24, 66, 34, "#6b4a35")


def bowl(p: Pen) -> None:
    p.slice(12, 8, 88, 88, 0, 180, p.main)
    p.oval(12, 40, 88, 56, p.light)
    p.oval(18, 42, 82, 54, p.accent)
    p.box(38, 84, 62, 90, p.dark, 1)


def plate(p: Pen) -> None:
    p.oval(6, 20, 94, 86, p.dark)
    p.oval(6, 17, 94, 82, p.main)
    p.oval(22, 29, 78, 70, p.light)
    p.ring(22, 29, 78, 70, p.dark, 0.8)


def jar(p: Pen) -> None:
    p.box(26, 28, 74, 82, "#dfe8ea", 9)
    p.box(29, 46, 71, 79, p.main, 7)
    p.box(28, 20, 72, 32, WOOD, 4)
    p.box(36, 54, 64, 68, PAPER, 2)
    p.line([(40, 61), (60, 61)], p.dark, 1.4)


def basket(p: Pen) -> None:
    p.ring(24, 22, 44, 50, p.dark, 3, (180, 360))
    p.ring(56, 22, 76, 50, p.dark, 3, (180, 360))
    p.shape([(16, 40), (84, 40), (76, 84), (24, 84)], p.main)
    for row in range(5):
        for column in range(8):
            x = 20 + column * 7.6 + row
            p.line([(x, 46 + row * 8), (x + 4 - row * 0.2, 46 + row * 8)], p.dark, 1.3)
    p.box(14, 37, 86, 44, p.light, 3)


def box(p: Pen) -> None:
    p.box(14, 40, 86, 84, p.main, 3)
    p.box(11, 30, 89, 44, p.dark, 3)
    p.box(38, 56, 62, 66, PAPER, 2)
    p.box(40, 58, 60, 64, p.light, 1)


def candle(p: Pen) -> None:
    p.box(32, 40, 68, 82, "#e3ebec", 5)
    p.box(34, 48, 66, 80, p.main, 4)
    p.box(38, 56, 62, 70, PAPER, 2)
    p.line([(41, 63), (59, 63)], p.dark, 1)
    p.line([(50, 48), (50, 40)], INK, 1.2)
    _flame(p, 50, 22)


def pillar(p: Pen) -> None:
    for x, top in ((22, 50), (42, 36), (62, 58)):
        p.box(x, top, x + 17, 84, p.main, 3)
        p.oval(x, top - 3, x + 17, top + 4, p.light)
        p.line([(x + 8.5, top), (x + 8.5, top - 5)], INK, 1.1)
        _flame(p, x + 8.5, top - 22)


def _flame(p: Pen, x: float, top: float) -> None:
    p.shape([(x, top), (x + 5, top + 13), (x, top + 19), (x - 5, top + 13)], "#f2b04b")
    p.shape([(x, top + 8), (x + 2.6, top + 14), (x, top + 18), (x - 2.6, top + 14)], GLOW)


def diffuser(p: Pen) -> None:
    for x in (38, 44, 50, 57, 63):
        p.line([(50, 56), (x + (x - 50) * 0.6, 12)], WOOD, 1.2)
    p.box(44, 42, 56, 54, METAL, 1)
    p.box(32, 50, 68, 84, p.main, 8)
    p.box(38, 60, 62, 74, PAPER, 1)
    p.line([(42, 67), (58, 67)], p.dark, 1)


def planter(p: Pen) -> None:
    for tip in ((26, 22), (40, 12), (60, 12), (74, 22)):
        p.shape([(50, 54), tip, ((tip[0] + 50) / 2 + 7, 30)], LEAF)
        p.line([(50, 54), tip], shade(LEAF, 0.75), 0.8)
    p.shape([(30, 54), (70, 54), (64, 84), (36, 84)], p.main)
    p.box(27, 48, 73, 57, p.dark, 2)


def watering_can(p: Pen) -> None:
    p.ring(56, 26, 92, 66, p.dark, 3.4, (220, 90))
    p.line([(36, 70), (12, 34)], p.dark, 5)
    p.shape([(4, 36), (18, 26), (20, 31), (8, 40)], p.light)
    p.shape([(32, 42), (72, 42), (76, 84), (28, 84)], p.main)
    p.oval(32, 36, 72, 48, p.light)


def trowel(p: Pen) -> None:
    p.shape([(20, 84), (22, 62), (36, 46), (46, 56), (40, 74)], METAL)
    p.shape([(20, 84), (32, 62), (36, 46), (46, 56), (40, 74)], SILVER)
    p.line([(40, 52), (56, 36)], METAL, 3.4)
    p.line([(56, 36), (80, 14)], p.main, 8)
    p.line([(58, 36), (80, 16)], p.light, 1.4)
