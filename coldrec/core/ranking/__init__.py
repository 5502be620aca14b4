"""Rankers: they put numbers on candidates. ``fusion`` is the default; the others are chosen by setting."""
