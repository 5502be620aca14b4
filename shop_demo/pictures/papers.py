"""What cannot be touched: emblems for accounts, cards, funds and covers."""

from __future__ import annotations

from shop_demo.pictures.pen import GLOW, INK, LEAF, PAPER, WOOD, Pen, shade

GOLD = "#d9a940"


def account(p: Pen) -> None:
    p.shape([(50, 14), (88, 36), (12, 36)], p.main)
    p.dot(50, 28, 4, p.accent)
    p.box(14, 36, 86, 42, p.dark)
    for x in (20, 39, 55, 74):
        p.box(x, 44, x + 8, 74, p.main, 1)
    p.box(14, 74, 86, 80, p.dark)
    p.box(9, 80, 91, 86, p.light, 1)


def piggy(p: Pen) -> None:
    p.box(30, 70, 39, 86, p.dark, 2)
    p.box(60, 70, 69, 86, p.dark, 2)
    p.oval(16, 32, 80, 80, p.main)
    p.shape([(60, 38), (70, 22), (76, 42)], p.dark)
    p.oval(72, 46, 88, 66, p.light)
    p.dot(80, 54, 1.4, p.dark)
    p.dot(80, 60, 1.4, p.dark)
    p.dot(68, 48, 1.8, INK)
    p.box(38, 33, 54, 36, INK, 1)
    p.dot(46, 20, 9, GOLD)
    p.ring(39.5, 13.5, 52.5, 26.5, shade(GOLD, 0.75), 1.2)
    p.ring(4, 46, 20, 60, p.dark, 2, (300, 180))


def coins(p: Pen) -> None:
    for x, count in ((16, 3), (39, 5), (62, 7)):
        for n in range(count):
            y = 82 - n * 9
            p.box(x, y - 3, x + 22, y + 5, p.main if n % 2 else p.dark, 4)
            p.oval(x, y - 7, x + 22, y + 1, p.light)
    p.dot(73, 18, 7, GOLD)


def card(p: Pen) -> None:
    p.shape([(18, 38), (82, 18), (90, 56), (28, 76)], p.dark)
    p.box(10, 34, 84, 80, p.main, 6)
    p.box(18, 46, 31, 56, GOLD, 2)
    p.line([(18, 51), (31, 51)], shade(GOLD, 0.7), 0.8)
    for n in range(4):
        p.line([(18 + n * 14, 64), (28 + n * 14, 64)], PAPER, 1.8)
    p.dot(68, 72, 5, p.accent)
    p.dot(74, 72, 5, shade(p.accent, 0.75))


def chart(p: Pen) -> None:
    p.box(12, 16, 88, 84, PAPER, 4)
    for n, height in enumerate((26, 40, 22, 34, 30)):
        x = 20 + n * 13
        p.box(x, 76 - height, x + 8, 76, p.main, 1)
    p.line([(18, 44), (32, 28), (46, 50), (60, 34), (80, 40)], p.accent, 2)
    p.dot(80, 40, 2.6, p.accent)
    p.line([(16, 77), (84, 77)], INK, 1)


def leaf(p: Pen) -> None:
    p.shape([(30, 66), (70, 66), (65, 88), (35, 88)], p.main)
    p.box(27, 61, 73, 69, p.dark, 2)
    p.line([(50, 64), (50, 26)], shade(LEAF, 0.7), 2)
    p.shape([(50, 52), (28, 50), (20, 32), (42, 36)], LEAF)
    p.shape([(50, 42), (72, 40), (82, 20), (58, 24)], LEAF)
    p.shape([(50, 30), (42, 18), (50, 6), (58, 18)], shade(LEAF, 1.2))
    p.dot(66, 56, 5, GOLD)


def document(p: Pen) -> None:
    p.shape([(24, 10), (66, 10), (80, 24), (80, 90), (24, 90)], PAPER)
    p.shape([(66, 10), (80, 24), (66, 24)], p.light)
    p.box(24, 30, 80, 40, p.main)
    for n in range(5):
        p.line([(32, 50 + n * 6), (72 if n < 4 else 54, 50 + n * 6)], shade(p.main, 1.3), 1.4)
    p.dot(70, 78, 8, p.accent)
    p.dot(70, 78, 4.5, shade(p.accent, 1.3))


def shield(p: Pen) -> None:
    p.whole([(50, 10), (18, 22), (20, 54), (34, 78), (50, 90)], p.main)
    p.shape([(50, 10), (82, 22), (80, 54), (66, 78), (50, 90)], p.dark)
    p.line([(34, 50), (46, 62), (68, 36)], PAPER, 6)


def umbrella(p: Pen) -> None:
    p.slice(10, 16, 90, 96, 180, 360, p.main)
    for x in (10, 36.6, 63.3):
        p.slice(x, 48, x + 26.7, 64, 180, 360, p.dark)
    p.line([(50, 12), (50, 80)], WOOD, 2.4)
    p.ring(50, 70, 64, 90, WOOD, 2.4, (0, 180))


def hourglass(p: Pen) -> None:
    p.box(24, 10, 76, 18, p.main, 2)
    p.box(24, 82, 76, 90, p.main, 2)
    p.shape(
        [(30, 18), (70, 18), (68, 34), (53, 50), (68, 66), (70, 82), (30, 82), (32, 66), (47, 50), (32, 34)], "#e6eef0"
    )
    p.shape([(35, 34), (65, 34), (50, 49)], GOLD)
    p.shape([(50, 66), (67, 80), (33, 80)], GOLD)
    p.line([(50, 48), (50, 68)], GOLD, 1)
    p.dot(42, 24, 2, GLOW)
