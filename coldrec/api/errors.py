"""Every error answers with the same body: ``{"code": …, "detail": …}``; the code is for machines and stays."""

from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from coldrec.core.errors import EventError

BUSY_SECONDS = 1


class UnreadableError(ParseError):
    """The body cannot be read as JSON."""

    default_code = "unreadable"


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class CrossSite(APIException):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "cross_site"
    default_detail = _("Events are taken from pages of this site only; add other origins to CSRF_TRUSTED_ORIGINS.")


class NoSuchItem(APIException):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "unknown_item"
    default_detail = _("There is no such item in the catalogue.")


class NoConsent(APIException):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "consent"
    default_detail = _("Not kept: this visitor has not agreed to be remembered.")


class NoSuchPlacement(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "unknown_placement"


class NoSuchSlate(APIException):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "unknown_slate"
    default_detail = _("There is no such list, or it is another visitor's.")


class NoSuchVersion(APIException):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "unknown_version"


class NoSuchAddress(APIException):
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "unknown_address"


class NotTrusted(APIException):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "not_trusted"
    default_detail = _("Only an account with the permission coldrec.view_visitor may name a visitor by visitor_id.")


class Busy(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "busy"
    default_detail = _("The database is busy. Nothing was stored; send the same again.")


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """The response for an error, or None for one that is a fault of the server."""
    if isinstance(error, OperationalError | InterfaceError | IntegrityError):
        error = Busy()
    if isinstance(error, EventError):
        error = ValidationError(str(error), code=error.code)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, ValidationError):
        response.data = _invalid(error)
    else:
        # Django's Http404 and PermissionDenied come out here like DRF's own; other packages' errors may be nested.
        detail = response.data["detail"] if "detail" in response.data else _first(response.data)
        response.data = {"code": getattr(detail, "code", "error"), "detail": str(detail)}
    if isinstance(error, Busy):
        response["Retry-After"] = str(BUSY_SECONDS)
    return response


def _invalid(error: ValidationError) -> dict[str, Any]:
    codes, messages = error.get_codes(), error.detail
    if isinstance(messages, dict):
        fields = {str(name): _first(value) for name, value in messages.items()}
        name, message = next(iter(fields.items()))
        return {"code": "invalid", "detail": f"{name}: {message}", "parameters": fields}
    return {"code": str(_first(codes)), "detail": str(_first(messages))}


def _first(value: Any) -> str:
    """The first message in whatever DRF has nested it."""
    while isinstance(value, list | dict):
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return str(value)
