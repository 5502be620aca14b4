"""Tables only: no ranking, no network. Every row carries its shop."""

from coldrec.models.event import Event, RejectedEvent
from coldrec.models.graph import Triple
from coldrec.models.item import Item
from coldrec.models.shop import Shop
from coldrec.models.slate import Slate, SlateItem
from coldrec.models.training import ModelVersion, TrainingRun
from coldrec.models.visitor import Visitor

__all__ = [
    "Event",
    "Item",
    "ModelVersion",
    "RejectedEvent",
    "Shop",
    "Slate",
    "SlateItem",
    "TrainingRun",
    "Triple",
    "Visitor",
]
