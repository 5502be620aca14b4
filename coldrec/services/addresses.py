"""Addresses that a shop stored, made fit to be followed."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from django.utils.encoding import iri_to_uri

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")  # what a browser takes for one; before any other colon stands a path


def followable(address: str) -> str:
    """The address if a browser may follow it from a page of ours, else nothing: no ``javascript:``, no ``data:``."""
    if address.startswith(("/", "https://", "http://")):
        return address
    scheme = SCHEME.match("".join(c for c in address if c > " "))  # browsers pass over blanks and control characters
    return address if scheme is None or scheme[1].lower() in ("http", "https") else ""


def absolute(address: str, base_url: str) -> str:
    """The address as a letter can hold it: whole and with https, or nothing."""
    if not (address := followable(address)):
        return ""
    try:
        whole = urljoin(base_url, iri_to_uri(address))
    except ValueError:  # such as half an IPv6 address
        return ""
    return whole if whole.startswith("https://") else ""
