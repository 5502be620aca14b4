"""The language models of a shop: found by the settings or trained here, kept whole, and opened where they are asked.

A version is a folder below ``COLDREC["ARTIFACTS"]`` that never changes: ``model/`` as transformers read it, ``onnx/``
as web workers run it, and ``card.json``. What a hub or a package gave is copied, not referred to: a cache may be
emptied, a package brought up to date and a folder written over, and vectors made before and after would not compare.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from coldrec import conf
from coldrec.core.encoders.reading import item_text
from coldrec.core.errors import EncoderError
from coldrec.core.protocols import TextEncoder
from coldrec.core.threads import cores
from coldrec.core.types import FloatArray
from coldrec.models import EncoderVersion, ModelVersion, Shop
from coldrec.services.batches import chunks
from coldrec.services.core_items import core_item

logger = logging.getLogger(__name__)

ENGINES = ("local", "openai")
ENGLISH = "english"  # the model of the extra of that name
MODEL, ONNX, CARD = "model", "onnx", "card.json"
NOT_STATED = "not stated"
MULTILINGUAL = ("intfloat/multilingual-e5-small", "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2")
UNKNOWN = 0.2  # share of tokens from which on the model does not know the language
SAMPLE = 512  # texts of the shop
LOOKUP = 500  # rows per query: SQLite takes a limited number of parameters
KEPT = 3  # of the newest versions, those whose vectors are kept though nothing asks for them
ABANDONED = 12 * 60 * 60  # seconds after which a half-made folder is nobody's any more

QUERY_SECONDS = 24 * 60 * 60  # that the vector of a query is kept
PAGE_SECONDS = 2.0  # that a page which saved an item waits for a remote model to read it
REST_SECONDS = 30.0  # that a model which failed is left alone, so that not every page waits for it

SETTING, TRAINED = str(EncoderVersion.Origin.SETTING), str(EncoderVersion.Origin.TRAINED)

_COPIED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.md", "LICENSE*")


# What is chosen ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """``COLDREC["ENCODER"]`` spelled out. ``price``: of a million tokens; ``timeout``: seconds for one answer."""

    model: str = ""
    engine: str = "local"
    url: str = ""
    key: str = ""
    dims: int = 0
    price: float = 0.0
    timeout: float = 30.0


def setting() -> Setting | None:
    """The language model that the project has chosen, or none."""
    told = conf.get("ENCODER")
    if told is None:
        return None
    given: Mapping[str, Any] = {"MODEL": told} if isinstance(told, str) else told
    return Setting(**{name.lower(): value for name, value in given.items() if value is not None})


# Versions ---------------------------------------------------------------------------------------------------------


def install(shop: Shop) -> EncoderVersion:
    """The version of the model that the settings name, made unless it is there; in use if none is.

    Raises
    ------
    EncoderError : none is named, it cannot be found or exported, or what that needs is not installed.
    """
    told = setting()
    if told is None:
        raise EncoderError("COLDREC['ENCODER'] names no language model; give a hub id, a folder or 'english'")
    version = _install_remote(shop, told) if told.engine == "openai" else _install_local(shop, told)
    put_in_use(shop, version, only_if_none=True)
    return version


def register(
    shop: Shop,
    folder: Path,
    *,
    source: str,
    origin: str = TRAINED,
    metrics: Mapping[str, Any] | None = None,
    refusal: str = "",
) -> EncoderVersion:
    """The version made of ``folder``, which is taken over: exported if it is not, described, and put in its place.

    ``folder`` holds ``model/`` and whatever else belongs to the version, such as ``adapter/``; what its ``card.json``
    says is kept. A model that is registered already gives its version, and the folder is left as it is.

    Raises
    ------
    EncoderError : the folder holds no model, or it cannot be exported.
    """
    from coldrec.backends.encoders.source import Source

    if not (folder / MODEL / "config.json").exists():
        raise EncoderError(f"{folder} holds no model: it has no {MODEL}/config.json")
    model = Source(folder / MODEL)
    if (known := _known(shop, model.fingerprint)) is not None:
        return known
    return _settle(
        shop,
        folder,
        _described(shop, folder, model),
        source=source,
        origin=origin,
        metrics=dict(metrics or {}),
        refusal=refusal,
    )


def in_use(shop: Shop) -> EncoderVersion | None:
    """The version that reads new texts and that the next fit learns with."""
    return EncoderVersion.objects.filter(pk__in=Shop.objects.filter(pk=shop.pk).values("encoder")).first()


def reading(shop: Shop) -> list[EncoderVersion]:
    """The versions whose vectors are kept fresh: the one in use, and the one that the serving model was fitted with."""
    shops = Shop.objects.filter(pk=shop.pk)
    wanted = Q(pk__in=shops.values("encoder")) | Q(pk__in=shops.values("serving_version__encoder"))
    return list(EncoderVersion.objects.filter(wanted).order_by("number"))


def put_in_use(shop: Shop, version: EncoderVersion | None, *, only_if_none: bool = False) -> bool:
    """Whether the pointer was moved. What serves keeps the encoder that it was fitted with."""
    rows = Shop.objects.filter(pk=shop.pk)
    if only_if_none:
        rows = rows.filter(encoder=None)
    with transaction.atomic():
        moved = bool(rows.update(encoder=version))
        if moved and version is not None:
            version.promoted_at = timezone.now()
            version.save(update_fields=["promoted_at"])
    return moved


def kept(shop: Shop) -> set[int]:
    """Primary keys of the versions whose vectors somebody may still ask for.

    Those in use and serving, those that a rollback returns to, those whose model may yet be promoted, and the newest,
    which nothing uses until their vectors are made.
    """
    row = Shop.objects.select_related("serving_version").get(pk=shop.pk)
    found = {row.encoder_id}
    version: ModelVersion | None = row.serving_version
    for _step in range(2 * KEPT):
        if version is None:
            break
        found.add(version.encoder_id)
        version = version.replaced
    found.update(shop.versions.order_by("-number").values_list("encoder_id", flat=True)[:KEPT])
    found.update(shop.encoders.order_by("-number").values_list("pk", flat=True)[:KEPT])
    return {pk for pk in found if pk is not None}


def clean_up(shop: Shop) -> None:
    """Drop the folders of versions that nobody may ask for any more; their rows and cards stay."""
    for version in shop.encoders.exclude(pk__in=kept(shop)).exclude(path=""):
        folder = folder_of(version)
        with suppress(OSError):  # what cannot be dropped now is tried again after the next training
            # Under a name that no version has: killed over it, we leave no half model.
            shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}")), ignore_errors=True)


def folder_of(version: EncoderVersion) -> Path:
    """Where a version lies; of a remote one there is nothing."""
    return Path(conf.get("ARTIFACTS")) / version.path


def warning(version: EncoderVersion) -> str:
    """What to say where the model does not know the language of the shop's texts, or nothing."""
    share = version.card.get("unknown_share") or 0.0
    if share <= UNKNOWN:
        return ""
    return _(
        "%(version)s does not know %(share)s of the tokens of this shop's texts: it was not made for their language. "
        "Name a multilingual model, such as %(models)s. Until then words and parts of words find what is alike."
    ) % {"version": version, "share": f"{share:.0%}", "models": _(" or ").join(MULTILINGUAL)}


def _install_local(shop: Shop, told: Setting) -> EncoderVersion:
    from coldrec.backends.encoders import source as sources

    named = "" if told.model in ("", ENGLISH) else told.model
    source = sources.Source.find(named)
    if (known := _known(shop, source.fingerprint)) is not None:
        return known
    with _workshop(shop) as place:
        for path in {found for pattern in _COPIED for found in source.folder.rglob(pattern) if found.is_file()}:
            copy = place / MODEL / path.relative_to(source.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)  # what a link points at, not the link
        model = sources.Source(place / MODEL)
        if model.fingerprint != source.fingerprint:
            raise EncoderError(f"the model in {source.folder} changed while it was copied; do it again")
        card = _described(shop, place, model)
        return _settle(shop, place, card, source=named or sources.ENGLISH, origin=SETTING)


def _install_remote(shop: Shop, told: Setting) -> EncoderVersion:
    encoder = _remote(told)
    card = {
        "dims": encoder.dims,
        "fingerprint": encoder.fingerprint,
        "licence": NOT_STATED,
        "languages": [],
        "url": told.url,
        "model": told.model,
        "price": told.price,
    }
    with transaction.atomic():
        Shop.objects.select_for_update().get(pk=shop.pk)
        known = shop.encoders.filter(fingerprint=encoder.fingerprint).first()
        return known or _row(shop, card, number=_next(shop), path="", source=f"{told.url} {told.model}")


def _known(shop: Shop, fingerprint: str) -> EncoderVersion | None:
    """The version of that model, if what was made of it is still there."""
    known: EncoderVersion | None = shop.encoders.filter(fingerprint=fingerprint).first()
    return known if known is not None and (folder_of(known) / ONNX).is_dir() else None


def _described(shop: Shop, folder: Path, model: Any) -> dict[str, Any]:
    """The card of the model in ``folder``, which is exported if it was not; written there too."""
    from coldrec.backends.encoders.onnx import OnnxEncoder

    encoder: Any
    if (folder / ONNX).is_dir():
        encoder = OnnxEncoder(folder / ONNX)
        if encoder.fingerprint != model.fingerprint:
            raise EncoderError(f"{folder / ONNX} was not exported from {folder / MODEL}")
    else:
        from coldrec.backends.encoders.export import export
        from coldrec.backends.encoders.torch import TorchEncoder

        # On the processor, in full precision: that is what the exported model is compared with.
        encoder = export(TorchEncoder(model, device="cpu"), folder / ONNX)
    said = _metadata(folder / MODEL / "README.md")
    languages = said.get("language") or []
    texts = _sample(shop)
    card = {
        **_json(folder / CARD),
        "dims": encoder.dims,
        "length": encoder.length,
        "fingerprint": encoder.fingerprint,
        "licence": str(said.get("license") or NOT_STATED),
        "languages": [languages] if isinstance(languages, str) else list(map(str, languages)),
        "bytes": sum(path.stat().st_size for path in (folder / MODEL).rglob("*") if path.is_file()),
        "unknown_share": round(encoder.unknown_share(texts), 4) if texts else None,
        "sample": len(texts),
    }
    (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False), "utf-8")
    return card


def _settle(
    shop: Shop, folder: Path, card: Mapping[str, Any], *, source: str, origin: str, **judged: Any
) -> EncoderVersion:
    """Give the folder its place and the version its row, both or neither, whoever else does the same."""
    with _workshop(shop) as near:  # a folder from another disk is copied before anybody has to wait
        made = Path(shutil.move(folder, near / "version"))
        with transaction.atomic():
            Shop.objects.select_for_update().get(pk=shop.pk)
            version: EncoderVersion | None = shop.encoders.filter(fingerprint=card["fingerprint"]).first()
            if version is None:
                number = _next(shop)
                path = f"{shop.key}/encoder-{number}"
                version = _row(shop, card, number=number, path=path, source=source, origin=origin, **judged)
            place = folder_of(version)
            if not (place / ONNX).is_dir():
                # What lies there was left by somebody who was killed before the row was written.
                shutil.rmtree(place, ignore_errors=True)
                made.rename(place)
    return version


def _row(shop: Shop, card: Mapping[str, Any], **fields: Any) -> EncoderVersion:
    fields = {"origin": SETTING, **fields}
    return EncoderVersion.objects.create(
        shop=shop, fingerprint=card["fingerprint"], dims=card["dims"], card=dict(card), **fields
    )


def _next(shop: Shop) -> int:
    return (shop.encoders.aggregate(last=Max("number"))["last"] or 0) + 1


@contextmanager
def _workshop(shop: Shop) -> Iterator[Path]:
    """A folder beside the versions in which one is made; what others were killed over goes too."""
    above = Path(conf.get("ARTIFACTS")) / shop.key
    above.mkdir(parents=True, exist_ok=True)
    for old in above.glob(".encoder-*"):
        if time.time() - old.stat().st_mtime > ABANDONED:
            shutil.rmtree(old, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=".encoder-", dir=above))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _sample(shop: Shop) -> list[str]:
    """Texts of items from all over the catalogue."""
    items = shop.items.filter(removed_at=None)
    pks = list(items.order_by("pk").values_list("pk", flat=True))
    chosen = [pks[at] for at in np.unique(np.linspace(0, len(pks) - 1, min(SAMPLE, len(pks))).astype(int))]
    return [item_text(core_item(row)) for some in chunks(chosen, LOOKUP) for row in items.filter(pk__in=some)]


def _metadata(readme: Path) -> dict[str, Any]:
    """What a model's own card says in its head, as the hub has them: YAML between two lines of dashes."""
    import yaml

    try:
        head, between, _rest = readme.read_text("utf-8").removeprefix("---\n").partition("\n---")
        told = yaml.safe_load(head) if between else None
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return told if isinstance(told, dict) else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


# Engines ----------------------------------------------------------------------------------------------------------

_open: dict[tuple[str, str], TextEncoder] = {}  # by fingerprint and form
_resting: dict[str, float] = {}  # fingerprint → monotonic seconds until which it is left alone
_opening = threading.Lock()


def opened(version: EncoderVersion, *, many: bool = False) -> TextEncoder:
    """The engine that runs the version here, the same for all threads of this process.

    A query or a single item goes through ONNX Runtime with one thread, since other pages are made beside it; ``many``
    texts through torch where there is a GPU for it, else through ONNX Runtime on all cores. A remote one is asked for
    many with patience, and else without.

    Raises
    ------
    EncoderError : it is not here, is not what was registered, or what runs it is not installed.
    """
    if version.path:
        form = "one" if not many else "gpu" if has_gpu() else "many"
    else:
        form = "remote, many" if many else "remote"
    key = (version.fingerprint, form)
    if (there := _open.get(key)) is not None:
        return there
    with _opening:
        if (there := _open.get(key)) is not None:
            return there
        encoder = _opened(version, form)
        if encoder.fingerprint != version.fingerprint:
            raise EncoderError(f"{version} is not the model that was registered: its fingerprint is another")
        # Those that neither read nor serve any more make room.
        used = Shop.objects.values_list("encoder__fingerprint", "serving_version__encoder__fingerprint")
        wanted = {version.fingerprint}.union(*used)
        for old in [one for one in _open if one[0] not in wanted]:
            del _open[old]
        _open[key] = encoder
        return encoder


def query_vectors(version: EncoderVersion, texts: Sequence[str]) -> FloatArray:
    """(n, d) what the version makes of what somebody searched for; zeros where it cannot be asked. Never raises.

    Vectors are kept in Django's cache for a day, so that what many search for is encoded once.
    """
    told = np.zeros((len(texts), version.dims), np.float32)
    wanted: dict[str, str] = {}  # key in the cache → normalised text
    keys = []
    for text in texts:
        plain = " ".join(unicodedata.normalize("NFKC", text).split())
        key = f"coldrec:query:{version.fingerprint[:24]}:{hashlib.sha256(plain.encode()).hexdigest()[:40]}"
        keys.append(key if plain else "")
        if plain:
            wanted[key] = plain
    found = _remembered(list(wanted), version.dims)
    missing = [key for key in wanted if key not in found]
    if missing and not is_resting(version):
        try:
            vectors = opened(version).encode([wanted[key] for key in missing], query=True)
        except Exception as error:  # noqa: BLE001 whatever it is, the page goes on without
            rest(version, error)
        else:
            new = dict(zip(missing, vectors, strict=True))
            found |= new
            _remember(new)
    for row, key in enumerate(keys):
        if key in found:
            told[row] = found[key]
    return told


def is_resting(version: EncoderVersion) -> bool:
    """Whether the version failed a moment ago, so that a page had better not wait for it again."""
    return time.monotonic() < _resting.get(version.fingerprint, 0.0)


def rest(version: EncoderVersion, error: Exception) -> None:
    """Leave the version alone for a while, and say why."""
    _resting[version.fingerprint] = time.monotonic() + REST_SECONDS
    known = isinstance(error, EncoderError)
    said = "coldrec cannot ask the language model %s; working without it for %.0f s: %s"
    logger.error(said, version, REST_SECONDS, error, exc_info=None if known else error)


def has_gpu() -> bool:
    """Whether torch is installed and has a GPU. It is only loaded where a driver is there."""
    devices = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    if not any(Path(one).exists() for one in devices) or not find_spec("torch") or not find_spec("transformers"):
        return False
    from coldrec.backends.encoders.torch import require

    torch, _transformers = require()
    return bool(torch.cuda.is_available())


def reset() -> None:
    """Forget everything, as a new process would."""
    with _opening:
        _open.clear()
        _resting.clear()


def _opened(version: EncoderVersion, form: str) -> TextEncoder:
    if not version.path:
        card, told = version.card, setting() or Setting()
        here = told if told.engine == "openai" and told.url == card["url"] else Setting()  # no other gets the key
        chosen = Setting(card["model"], "openai", card["url"], here.key, version.dims, here.price, here.timeout)
        return _remote(chosen, hurried=form == "remote")
    folder = folder_of(version)
    if not (folder / ONNX).is_dir():
        raise EncoderError(
            f"{version} is not in {folder}; COLDREC['ARTIFACTS'] must be the folder that it was installed to, the same "
            "on all machines, or coldrec_encode --install be run again"
        )
    if form == "gpu":
        from coldrec.backends.encoders.source import Source
        from coldrec.backends.encoders.torch import TorchEncoder

        return TorchEncoder(Source(folder / MODEL))
    from coldrec.backends.encoders.onnx import OnnxEncoder

    return OnnxEncoder(folder / ONNX, threads=cores() if form == "many" else 1)


def _remote(told: Setting, *, hurried: bool = False) -> TextEncoder:
    from coldrec.backends.encoders.openai import OpenAIEncoder, Patience

    # A page may wait for a single item that it saved: it is asked for once, and else left stale.
    patience = Patience(asking=min(PAGE_SECONDS, told.timeout), retries=0) if hurried else Patience(asking=told.timeout)
    return OpenAIEncoder(told.url, told.model, key=told.key, dims=told.dims, price=told.price, patience=patience)


def _remembered(keys: list[str], dims: int) -> dict[str, FloatArray]:
    try:
        held = cache.get_many(keys) if keys else {}
    except Exception as error:  # noqa: BLE001 each cache raises its own, and a page does without
        logger.warning("coldrec cannot read the cache: %s", error)
        return {}
    sound = {key: raw for key, raw in held.items() if isinstance(raw, bytes) and len(raw) == 4 * dims}
    return {key: np.frombuffer(raw, "<f4") for key, raw in sound.items()}


def _remember(vectors: Mapping[str, FloatArray]) -> None:
    try:
        cache.set_many({key: row.astype("<f4").tobytes() for key, row in vectors.items()}, QUERY_SECONDS)
    except Exception as error:  # noqa: BLE001 see above
        logger.warning("coldrec cannot write to the cache: %s", error)
