"""Tables only: no ranking, no network. Every row carries its shop."""

from coldrec.models.encoder import EncoderVersion, ItemVector
from coldrec.models.event import Event, IgnoredCount, RejectedEvent
from coldrec.models.graph import Entity, GraphChange, GraphSuggestion, GraphSync, Triple
from coldrec.models.item import Item
from coldrec.models.metric import (
    Attribution,
    DailyCohort,
    DailyItemMetric,
    DailyMetric,
    DailyPlaceMetric,
    DailyTotal,
    RollUp,
)
from coldrec.models.placement import Placement
from coldrec.models.privacy import ConsentRecord, Erasure
from coldrec.models.shop import Shop
from coldrec.models.slate import Slate, SlateItem
from coldrec.models.training import ModelVersion, TrainingRun
from coldrec.models.visitor import Visitor

__all__ = [
    "Attribution",
    "ConsentRecord",
    "DailyCohort",
    "DailyItemMetric",
    "DailyMetric",
    "DailyPlaceMetric",
    "DailyTotal",
    "EncoderVersion",
    "Entity",
    "Erasure",
    "Event",
    "GraphChange",
    "GraphSuggestion",
    "GraphSync",
    "IgnoredCount",
    "Item",
    "ItemVector",
    "ModelVersion",
    "Placement",
    "RejectedEvent",
    "RollUp",
    "Shop",
    "Slate",
    "SlateItem",
    "TrainingRun",
    "Triple",
    "Visitor",
]
