"""Reads the body of an events request: strict about JSON, bounded in bytes, calm about anything else."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from coldrec import conf
from coldrec.api.errors import TooLarge, UnreadableError


class EventsParser(BaseParser):
    """JSON in UTF-8. NaN and infinity pass: they are refused with their event, and the rest of a batch is taken."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> object:
        most = conf.get("EVENT_BYTES")
        try:
            body = stream.read(most + 1)
        except OSError as error:  # the client went away while sending
            raise UnreadableError("The body ended early.") from error
        if len(body) > most:
            raise TooLarge(f"The body is too large; at most {most} bytes are allowed.")
        try:
            return json.loads(body.decode("utf-8"), object_pairs_hook=_without_repeats)
        except UnicodeDecodeError as error:
            raise UnreadableError(f"The body is not UTF-8: {error.reason} at byte {error.start}.") from error
        except RecursionError as error:
            raise UnreadableError("The body is nested too deeply.") from error
        except ValueError as error:
            raise UnreadableError(f"The body is not JSON: {error}.") from error


class BeaconParser(EventsParser):
    """The same for ``text/plain``: what ``navigator.sendBeacon`` sends without asking first."""

    media_type = "text/plain"


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # A name given twice means one thing to one reader and another to the next: refused.
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return fields
