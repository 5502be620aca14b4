"""Somebody who follows a training and remembers what was said."""

from __future__ import annotations


class Watched:
    def __init__(self, cancel_at: int | None = None) -> None:
        self.steps: list[tuple[str, int, int, float, float]] = []
        self.told: list[str] = []
        self.cancel_at = cancel_at

    def stepped(self, stage, step, steps, loss, texts_per_second):
        self.steps.append((stage, step, steps, loss, texts_per_second))

    def said(self, what):
        self.told.append(what)

    def is_cancelled(self):
        return self.cancel_at is not None and len(self.steps) >= self.cancel_at
