"""One settings dictionary, ``COLDREC``, and its one reader.

``get("KEY")`` gives the project's value or the default below; ``override_settings`` works in tests.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

LONGEST_LIST = 100  # items

DEFAULTS: dict[str, Any] = {
    # Key of the shop this site is. Every row is stored under it.
    "SHOP": "default",
    # Dotted path of the CatalogueAdapter that turns the shop's products into items.
    "CATALOGUE": None,
    # Where work that follows a change in the shop is done: "inline", in the same process right after the commit, or
    # "celery", by a worker. While the broker is away, "celery" falls back to "inline".
    "TASKS": "inline",
    # Name of the Celery queue on which language models are trained: of the workers on machines with a GPU.
    "GPU_QUEUE": "gpu",
    # Folder for artifacts; each training run writes one directory below <ARTIFACTS>/<shop>/.
    "ARTIFACTS": "var/coldrec",
    # Ranker over the retrieved candidates: "fusion" (default), "linear" or "mlp".
    "RANKER": "fusion",
    # Changes to the training configuration, merged over coldrec.core.config.FitConfig.
    "FIT": {},
    # Changes to the recipe by which a language model is trained, merged over
    # coldrec.core.training.language.recipe.Recipe.
    "TRAINING": {},
    # Placements by name: kind (personal, similar, together, recent, trending, new, near) and size (items).
    # Merged over coldrec.services.placements.DEFAULT_PLACEMENTS.
    "PLACEMENTS": {},
    # Whether {% coldrec_widget %} loads the visitor's own list late where it does not say so itself: the page then is
    # the same for all visitors, and a shared cache may keep it.
    "LATE": False,
    # Paths of static files with the shop's own look, for the lists that staff preview in the admin.
    "PREVIEW_CSS": (),
    # How many of a visitor's latest events are read for one answer.
    "HISTORY_LENGTH": 300,
    # Seconds between two looks for a new serving version or new items in one process.
    "REFRESH_SECONDS": 2.0,
    # Items newer than the serving version that are kept in the side buffer.
    "FRESH_ITEMS": 5000,
    # Name and life (seconds) of the signed visitor cookie.
    "COOKIE_NAME": "coldrec_visitor",
    "COOKIE_AGE": 60 * 60 * 24 * 365,
    # "implied": visitors are remembered unless they refuse; "explicit": nothing is stored before consent is granted.
    "CONSENT": "implied",
    # Largest batch of events in one request, and largest request body in bytes.
    "EVENTS_PER_REQUEST": 1000,
    "EVENT_BYTES": 512_000,
    # How far an event may lie in the future by the sender's clock, in seconds.
    "CLOCK_SKEW_SECONDS": 24 * 60 * 60,
    # DRF throttle rates by scope.
    "THROTTLES": {"coldrec-events": "600/min", "coldrec-lists": "300/min"},
    # Preset of the knowledge graph's ontology (coldrec/presets/<name>.toml), or several of them.
    "ONTOLOGY": (),
    # Dotted path of a callable that gives the shop's own triples: (shop) -> iterable of coldrec.core.types.Triple.
    "GRAPH_RELATIONS": None,
    # Where the graph is read from: "orm" (the tables) or "neo4j".
    "GRAPH": "orm",
    # The Neo4j server that is kept equal to the tables: {"URI", "USER", "PASSWORD", "DATABASE"}; None: there is none.
    "NEO4J": None,
    # The language model that reads texts: None, or {"MODEL", "ENGINE", "URL", "KEY", "DIMS", "PRICE", "TIMEOUT"}; text
    # is short for {"MODEL": text}. MODEL is a hub id, a folder, or "english": what the extra "english" installs. ENGINE
    # is "local" (on this machine) or "openai" (an embeddings endpoint at URL, of DIMS numbers a vector). It is put to
    # use by coldrec_encode --install.
    "ENCODER": None,
    # How many days after a click on a list a basket addition or a purchase of the same item still counts for it.
    "ATTRIBUTION_DAYS": 7,
    # Write slates at all; off means no attribution and no admin figures.
    "LOG_SLATES": True,
}


@lru_cache
def get_config() -> dict[str, Any]:
    """The defaults with the project's ``COLDREC`` laid over them."""
    project = getattr(settings, "COLDREC", {})
    if not isinstance(project, Mapping):
        raise ImproperlyConfigured(f"COLDREC must be a dictionary of settings, got {project!r}.")
    return {**DEFAULTS, **project}


def get(key: str) -> Any:
    """The value of one setting; an unknown key is a programming error and raises KeyError."""
    return get_config()[key]


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "COLDREC":
        get_config.cache_clear()


setting_changed.connect(_forget, dispatch_uid="coldrec.conf")
