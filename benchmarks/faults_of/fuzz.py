"""Requests made up from the API's own OpenAPI document, and against it: none may end in a server error."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter

from benchmarks.checks import Check

SCHEMA = "/coldrec/v1/schema/"


def check(requests: int, *, seed: int) -> list[Check]:
    if importlib.util.find_spec("schemathesis") is None:
        raise RuntimeError("schemathesis is not installed (pip install schemathesis)")
    statuses, broken = fuzz(requests, seed)
    return judge(requests, statuses, broken)


def judge(requests: int, statuses: Counter[int], broken: list[str]) -> list[Check]:
    """``broken``: requests that ended in a server error, as commands to repeat them."""
    errors = sum(count for status, count in statuses.items() if status >= 500)
    details = {"statuses": dict(sorted(statuses.items())), "broken": broken[:10]}
    return [
        Check("fuzz_requests", sum(statuses.values()), "at least", requests),
        Check("fuzz_server_errors", errors, "exactly", 0, "", details),
        Check("fuzz_taken", statuses[200] + statuses[202], "at least", 1),
    ]


def fuzz(requests: int, seed: int) -> tuple[Counter[int], list[str]]:
    """Status → how often, over all endpoints, half of the requests as the document asks and half not."""
    import schemathesis
    from django.core.wsgi import get_wsgi_application
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from schemathesis.generation import GenerationMode

    document = schemathesis.openapi.from_wsgi(SCHEMA, get_wsgi_application())
    statuses: Counter[int] = Counter()
    broken: list[str] = []
    operations = [one.ok() for one in document.get_all_operations()]
    strategies = [operation.as_strategy(generation_mode=mode) for operation in operations for mode in GenerationMode]
    turn = 0
    empty_handed = 0
    while sum(statuses.values()) < requests and empty_handed < len(strategies):
        before = sum(statuses.values())
        left = requests - before
        strategy = strategies[turn % len(strategies)]

        @seeded(random.Random(seed + turn).getrandbits(32))
        @settings(
            max_examples=min(max(requests // len(strategies), 1), left),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case) -> None:
            answer = case.call()
            statuses[answer.status_code] += 1
            if answer.status_code >= 500:
                broken.append(case.as_curl_command())

        try:
            ask()
        except Exception as error:  # an operation without parameters cannot be asked wrongly
            if sum(statuses.values()) == before and turn >= len(strategies):
                raise RuntimeError(f"no request could be made up: {error}") from error
        empty_handed = 0 if sum(statuses.values()) > before else empty_handed + 1
        turn += 1
    return statuses, broken
