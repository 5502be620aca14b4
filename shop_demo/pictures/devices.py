"""What has a plug, a battery or a port."""

from __future__ import annotations

from shop_demo.pictures.pen import GLOW, INK, METAL, PAPER, SCREEN, SILVER, WOOD, Pen, shade


def _picture_on(p: Pen, x1: float, y1: float, x2: float, y2: float) -> None:
    """A screen that shows hills in the accent's shades."""
    p.box(x1, y1, x2, y2, shade(p.accent, 1.35), 1)
    width, height = x2 - x1, y2 - y1
    p.dot(x1 + width * 0.72, y1 + height * 0.3, min(width, height) * 0.11, GLOW)
    p.shape(
        [(x1, y2), (x1, y1 + height * 0.7), (x1 + width * 0.35, y1 + height * 0.4), (x1 + width * 0.7, y2)], p.accent
    )
    p.shape(
        [(x1 + width * 0.3, y2), (x1 + width * 0.7, y1 + height * 0.55), (x2, y1 + height * 0.8), (x2, y2)],
        shade(p.accent, 0.75),
    )


def headphones(p: Pen) -> None:
    p.ring(20, 18, 80, 84, p.dark, 5, (180, 360))
    for x in (15, 69):
        p.box(x, 48, x + 16, 78, p.main, 7)
    p.box(27, 50, 33, 76, INK, 3)
    p.box(67, 50, 73, 76, INK, 3)


def earbuds(p: Pen) -> None:
    p.box(22, 46, 78, 86, p.main, 16)
    p.line([(23, 60), (77, 60)], p.dark, 1.2)
    p.dot(50, 70, 1.6, "#8fd6a4")
    for x in (30, 58):
        p.oval(x, 14, x + 14, 30, p.light)
        p.box(x + 4, 24, x + 9, 44, p.dark, 2)
        p.dot(x + 7, 22, 3, INK)


def speaker_small(p: Pen) -> None:
    p.box(22, 34, 78, 80, p.main, 18)
    p.box(26, 40, 74, 74, p.dark, 14)
    for row in range(5):
        for column in range(9):
            p.dot(32 + column * 4.5, 46 + row * 5.5, 1, p.light)
    p.ring(66, 26, 84, 48, p.accent, 2)


def speaker(p: Pen) -> None:
    p.box(30, 14, 70, 86, p.main, 4)
    p.dot(50, 60, 16, INK)
    p.dot(50, 60, 9, p.light)
    p.dot(50, 60, 4, INK)
    p.dot(50, 30, 8, INK)
    p.dot(50, 30, 3.5, METAL)


def radio(p: Pen) -> None:
    p.line([(70, 36), (84, 10)], METAL, 1.4)
    p.box(14, 34, 86, 80, WOOD, 6)
    p.box(17, 37, 83, 77, p.main, 4)
    p.dot(36, 57, 14, p.dark)
    for n in range(5):
        p.line([(26, 49 + n * 4), (46, 49 + n * 4)], p.light, 1)
    p.box(56, 43, 79, 54, PAPER, 1)
    p.line([(64, 44), (64, 53)], "#c0503a", 1)
    p.dot(62, 66, 5, METAL)
    p.dot(75, 66, 5, METAL)


def phone(p: Pen) -> None:
    p.box(22, 12, 56, 84, p.main, 6)
    p.box(26, 16, 40, 32, p.dark, 4)
    p.dot(33, 21, 2.8, SCREEN)
    p.dot(33, 28, 2.8, SCREEN)
    p.box(46, 18, 80, 90, INK, 6)
    _picture_on(p, 48.5, 21, 77.5, 87)
    p.dot(63, 24, 1.2, INK)


def phone_rugged(p: Pen) -> None:
    p.box(30, 8, 70, 90, INK, 8)
    for x, y in ((28, 6), (60, 6), (28, 80), (60, 80)):
        p.box(x, y, x + 12, y + 12, p.main, 4)
    p.box(30, 30, 70, 62, p.main, 2)
    _picture_on(p, 34, 15, 66, 80)
    p.box(44, 83, 56, 87, p.light, 2)


def tablet(p: Pen) -> None:
    p.box(12, 18, 88, 80, p.main, 5)
    p.box(14, 20, 86, 78, INK, 4)
    _picture_on(p, 18, 24, 82, 74)
    p.line([(70, 90), (94, 60)], p.light, 3)
    p.line([(70, 90), (67, 94)], INK, 2)


def reader(p: Pen) -> None:
    p.box(26, 10, 74, 88, p.main, 5)
    p.box(31, 16, 69, 76, "#ecebe4", 1)
    for n in range(11):
        p.line([(35, 22 + n * 4.6), (65 if n % 4 else 54, 22 + n * 4.6)], "#8d8f90", 0.9)
    p.dot(50, 82, 2, p.dark)


def laptop(p: Pen) -> None:
    p.box(20, 20, 80, 66, p.main, 4)
    p.box(22.5, 22.5, 77.5, 63.5, INK, 2)
    _picture_on(p, 24, 24, 76, 62)
    p.shape([(12, 66), (88, 66), (94, 76), (6, 76)], p.light)
    p.box(6, 75, 94, 79, p.dark, 2)
    p.box(42, 66, 58, 69, p.dark, 1)


def laptop_rugged(p: Pen) -> None:
    p.box(17, 17, 83, 68, p.dark, 8)
    p.box(23, 22, 77, 63, INK, 2)
    _picture_on(p, 25, 24, 75, 61)
    p.shape([(10, 66), (90, 66), (96, 80), (4, 80)], p.main)
    for n in range(3):
        p.line([(16 - n * 1.4, 69 + n * 3), (84 + n * 1.4, 69 + n * 3)], p.light, 1.4)
    p.ring(38, 74, 62, 92, p.dark, 3, (0, 180))


def monitor(p: Pen) -> None:
    p.box(8, 16, 92, 68, INK, 3)
    _picture_on(p, 10.5, 18.5, 89.5, 64)
    p.box(46, 68, 54, 82, p.dark)
    p.box(30, 81, 70, 86, p.main, 2)


def monitor_curved(p: Pen) -> None:
    p.shape([(4, 20), (28, 24), (72, 24), (96, 20), (96, 66), (72, 62), (28, 62), (4, 66)], INK)
    p.shape([(7, 23), (29, 26.5), (71, 26.5), (93, 23), (93, 62), (71, 59), (29, 59), (7, 62)], shade(p.accent, 0.7))
    p.shape([(7, 62), (29, 40), (50, 59), (29, 59)], p.accent)
    p.shape([(40, 59), (66, 34), (93, 62), (71, 59)], shade(p.accent, 1.3))
    p.shape([(46, 62), (54, 62), (58, 80), (42, 80)], p.dark)
    p.shape([(26, 86), (50, 78), (74, 86)], p.main)


def camera(p: Pen) -> None:
    p.box(36, 18, 64, 34, p.dark, 4)
    p.box(12, 30, 88, 78, p.main, 6)
    p.box(12, 40, 88, 68, p.dark)
    p.box(66, 25, 80, 31, METAL, 1)
    p.dot(50, 54, 20, INK)
    p.dot(50, 54, 15, "#46505c")
    p.dot(50, 54, 9, SCREEN)
    p.dot(45, 49, 3, PAPER)
    p.dot(79, 36, 2, "#c0503a")


def camera_small(p: Pen) -> None:
    p.box(14, 32, 86, 76, p.main, 8)
    p.dot(58, 54, 17, METAL)
    p.dot(58, 54, 13, INK)
    p.dot(58, 54, 7, SCREEN)
    p.dot(54, 50, 2.2, PAPER)
    p.box(20, 37, 32, 44, GLOW, 2)
    p.box(64, 28, 76, 33, p.dark, 1)


def action_camera(p: Pen) -> None:
    p.box(24, 26, 76, 72, p.main, 8)
    p.dot(58, 46, 14, INK)
    p.dot(58, 46, 9, SCREEN)
    p.dot(54, 42, 2.2, PAPER)
    p.box(30, 33, 40, 50, p.light, 2)
    p.box(40, 72, 60, 80, INK, 1)
    p.box(46, 78, 54, 90, METAL, 1)


def keyboard(p: Pen) -> None:
    p.shape([(10, 40), (90, 40), (94, 70), (6, 70)], p.dark)
    p.shape([(10, 38), (90, 38), (94, 66), (6, 66)], p.main)
    for row, (y, count) in enumerate(((42, 11), (49, 11), (56, 11))):
        for column in range(count):
            x = 13 - row + column * (6.9 + row * 0.18)
            p.box(x, y, x + 5.2, y + 5, p.accent if (column + 3 * row) % 13 == 0 else PAPER, 1)


def mouse(p: Pen) -> None:
    p.oval(28, 14, 72, 88, p.main)
    p.line([(50, 16), (50, 46)], p.dark, 1.2)
    p.line([(30, 46), (70, 46)], p.dark, 1.2)
    p.box(47, 24, 53, 38, INK, 3)
    p.oval(33, 56, 45, 76, p.light)


def watch(p: Pen) -> None:
    p.box(38, 6, 62, 94, p.main, 5)
    for y in (12, 17, 80, 85):
        p.dot(50, y, 1, p.dark)
    p.box(28, 28, 72, 72, METAL, 11)
    p.box(31, 31, 69, 69, SCREEN, 9)
    p.ring(37, 37, 63, 63, p.accent, 3, (-90, 150))
    p.line([(46, 50), (54, 50)], PAPER, 2)
    p.box(72, 45, 75, 54, METAL, 1)


def band(p: Pen) -> None:
    p.ring(24, 12, 76, 92, p.main, 9)
    p.box(37, 8, 63, 40, SCREEN, 7)
    p.box(44, 15, 56, 18, PAPER, 1)
    p.box(44, 22, 52, 25, p.accent, 1)
    p.box(44, 29, 58, 32, METAL, 1)


def watch_hands(p: Pen) -> None:
    p.box(39, 4, 61, 96, p.main, 4)
    p.dot(50, 50, 25, METAL)
    p.dot(50, 50, 22, PAPER)
    for x, y in ((50, 31), (69, 50), (50, 69), (31, 50)):
        p.dot(x, y, 1.3, INK)
    p.line([(50, 50), (50, 36)], INK, 2)
    p.line([(50, 50), (61, 56)], INK, 2)
    p.dot(50, 50, 2, p.accent)


def charger(p: Pen) -> None:
    p.box(36, 12, 42, 32, METAL, 1)
    p.box(58, 12, 64, 32, METAL, 1)
    p.box(26, 28, 74, 76, p.main, 9)
    p.box(26, 28, 74, 38, p.dark, 6)
    for x in (35, 53):
        p.box(x, 66, x + 12, 71, INK, 2)
    p.line([(41, 76), (41, 90)], p.accent, 3)


def power_bank(p: Pen) -> None:
    p.box(30, 12, 70, 88, p.main, 9)
    p.box(34, 16, 66, 50, p.light, 6)
    for n in range(4):
        p.dot(41 + n * 6, 60, 1.6, "#8fd6a4" if n < 3 else p.dark)
    p.box(42, 80, 58, 84, INK, 2)


def cable(p: Pen) -> None:
    p.ring(20, 24, 80, 84, p.main, 5)
    p.ring(28, 32, 72, 76, p.dark, 4)
    p.box(16, 46, 32, 58, p.accent, 3)
    p.line([(76, 40), (88, 22)], p.main, 5)
    p.box(82, 10, 92, 24, INK, 2)
    p.box(84, 5, 90, 11, SILVER, 1)


def drive(p: Pen) -> None:
    p.box(28, 20, 72, 84, p.main, 7)
    p.box(33, 26, 67, 46, p.light, 4)
    p.dot(50, 72, 1.8, "#8fd6a4")
    p.ring(62, 12, 80, 30, p.accent, 2.4)
    p.box(44, 81, 56, 86, INK, 1)


def drive_desk(p: Pen) -> None:
    p.box(34, 12, 66, 84, p.main, 3)
    for n in range(8):
        p.line([(38, 20 + n * 5), (62, 20 + n * 5)], p.dark, 1.4)
    p.dot(50, 72, 2, "#8fd6a4")
    p.box(28, 83, 72, 88, INK, 2)


def stick(p: Pen) -> None:
    p.box(36, 8, 64, 30, SILVER, 1)
    for x in (41, 53):
        p.box(x, 14, x + 6, 19, INK)
    p.box(32, 28, 68, 78, p.main, 5)
    p.box(38, 36, 62, 52, p.light, 2)
    p.box(40, 76, 60, 90, SILVER, 3)
