"""Every choice of a level-0 training run in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from coldrec.core.errors import FitError


@dataclass(frozen=True)
class FitConfig:
    """Defaults serve every data set; a shop changes them with ``COLDREC["FIT"]``."""

    ranker: str = "fusion"  # "fusion", "linear" or "mlp"
    ranker_optimiser: str = "adam"  # of the linear ranker: "adam" or "sgd"
    # Content
    vocabulary: int = 200_000  # terms at most
    content_neighbours: int = 20  # warm items that a cold item borrows scores from
    # Collaborative
    ease_regularisation: float = 50.0  # interactions
    ease_size: int = 14_000  # edge of the largest matrix inverted: 14,000 takes 0.8 GB
    entries: int = 300  # kept per row of item-to-item matrices
    factors: int = 64
    factor_alpha: float = 10.0
    factor_regularisation: float = 0.1
    factor_sweeps: int = 12
    # Profile: one vector u of what a visitor did and said; adds nothing to the other sources on any data set measured
    profile: bool = False
    # Popularity
    window_days: float = 14.0
    without: tuple[str, ...] = ()  # sources left out, for ablations
    # Validation inside the fit
    held_items: float = 0.12  # share of items made cold
    held_visitors: float = 0.12  # share of visitors made new
    validation_visitors: int = 1_500  # of each kind at most
    validation_candidates: int = 1_500  # sampled per list when the weights are learned

    def __post_init__(self) -> None:
        for name in ("held_items", "held_visitors"):
            if not 0 < getattr(self, name) < 0.5:
                raise FitError(f"{name} must lie between 0 and 0.5, got {getattr(self, name)}")
        if self.ranker not in {"fusion", "linear", "mlp"}:
            raise FitError(f"ranker must be fusion, linear or mlp, got {self.ranker!r}")
        if self.ranker_optimiser not in {"adam", "sgd"}:
            raise FitError(f"ranker_optimiser must be adam or sgd, got {self.ranker_optimiser!r}")

    @classmethod
    def of(cls, changes: Mapping[str, Any]) -> FitConfig:
        """The defaults with ``changes``; an unknown name is an error that lists the known ones."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(changes) - known):
            raise FitError(f"unknown training setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
        return cls(**{**changes, "without": tuple(changes.get("without", ()))})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
