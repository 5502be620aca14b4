"""A browser on the shop's pages, and the words that the API's tests share."""

from __future__ import annotations

import base64
import json
from itertools import count
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

EVENTS = "/coldrec/v1/events/"
LISTS = "/coldrec/v1/recommendations/"
DISLIKES = "/coldrec/v1/dislikes/"
HEALTH = "/coldrec/v1/health/"
SCHEMA = "/coldrec/v1/schema/"

_numbers = count()


class Shopper(Client):
    """Keeps its cookies; ``headers`` go along with every request."""

    def send(self, body: Any, path: str = EVENTS, content_type: str = "application/json", **headers: str) -> Any:
        """Post events: an object, a list, or text as it is."""
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.post(path, data, content_type=content_type, headers=headers)

    def view(self, *items: str) -> Any:
        return self.send([view(item) for item in items])

    def list(self, *placements: str, **parameters: Any) -> Any:
        return self.get(LISTS, {"placement": placements or "home", **parameters})

    def next(self, slate: dict[str, Any], **parameters: Any) -> Any:
        return self.get(f"/coldrec/v1/slates/{slate['slate_id']}/next/", parameters)


def view(item: str = "tea3", event_id: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"event_id": event_id or f"view-{next(_numbers)}", "kind": "view", "item_id": item, **fields}


def similar(item: str) -> str:
    return f"/coldrec/v1/items/{item}/similar/"


def slate(answer: Any) -> dict[str, Any]:
    """The only list in an answer."""
    (only,) = slates(answer)
    return only


def slates(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    return answer.json()["slates"]


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in slate(answer)["items"]]


def share_of(kind: str, answer: Any) -> float:
    found = ids(answer)
    return sum(item.startswith(kind) for item in found) / len(found)


def server(*permissions: str) -> dict[str, str]:
    """Headers of a server that signs in, as an account with these permissions."""
    account = User.objects.create_user(f"server-{next(_numbers)}", password="secret")
    account.user_permissions.set(
        Permission.objects.filter(content_type__app_label="coldrec", codename__in=list(permissions))
    )
    word = base64.b64encode(f"{account.username}:secret".encode()).decode()
    return {"authorization": f"Basic {word}"}
