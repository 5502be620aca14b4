"""A visitor's browser: a fresh profile, one way of looking at the shop, and a record of all that went wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

DESKTOP, PHONE = 1280, 390
LOCALES = {"en": "en-GB", "zh-hans": "zh-CN"}
GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
LEFT = re.compile(r"net::ERR_ABORTED")  # a page that was left lets go of what it was loading


@dataclass(frozen=True)
class Look:
    """How somebody looks at the shop."""

    width: int = DESKTOP
    script: bool = True
    language: str = "en"
    scheme: str = "light"
    motion: str = "no-preference"
    gpc: bool = False
    agent: str | None = None
    bypass_csp: bool = False


class Visit:
    """One browser profile on one site. ``close`` names everything that went wrong and was not allowed for."""

    def __init__(self, browser: Browser, address: str, look: Look) -> None:
        self.address = address
        self.look = look
        self.problems: list[str] = []
        self.asked: list[str] = []  # "METHOD path" of every request, in order
        self._allowed: list[re.Pattern[str]] = []
        self.context = self._open(browser)
        self.page = self.context.new_page()

    def _open(self, browser: Browser) -> BrowserContext:
        look, is_phone = self.look, self.look.width < 600
        context = browser.new_context(
            base_url=self.address,
            viewport={"width": look.width, "height": 844 if is_phone else 900},
            is_mobile=is_phone,
            has_touch=is_phone,
            java_script_enabled=look.script,
            locale=LOCALES[look.language],
            color_scheme=look.scheme,  # type: ignore[arg-type]
            reduced_motion=look.motion,  # type: ignore[arg-type]
            user_agent=look.agent,
            extra_http_headers={"Sec-GPC": "1"} if look.gpc else {},
            bypass_csp=look.bypass_csp,
        )
        context.set_default_timeout(10_000)
        if look.gpc:
            context.add_init_script(GPC)
        context.on("console", self._said)
        context.on("weberror", lambda problem: self._note(f"script error: {problem.error}"))
        context.on("request", self._sent)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        return context

    # What is watched

    def _said(self, said: ConsoleMessage) -> None:
        where = said.location.get("url", "")
        if said.type == "error" and "/favicon.ico" not in where:  # Django's admin has no icon
            self._note(f"console: {said.text} ({where})")

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _sent(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme in ("data", "blob"):
            return
        self.asked.append(f"{request.method} {where.path}")
        if where.netloc != urlsplit(self.address).netloc:
            self._note(f"asks another host: {request.url}")

    def _failed(self, request: Request) -> None:
        if not LEFT.search(request.failure or ""):
            self._note(f"failed: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.status}: {response.request.method} {response.url}")

    def allow(self, *patterns: str) -> None:
        """What this test makes go wrong on purpose."""
        self._allowed.extend(map(re.compile, patterns))

    # What is done

    def go(self, path: str) -> Page:
        self.page.goto(path, wait_until="load")
        return self.page

    def read(self, path: str) -> str:
        """The page as it was sent, before any script has changed it."""
        answer = self.page.goto(path, wait_until="load")
        assert answer
        return answer.text()

    def sign_in(self, name: str = "demo", password: str = "demo") -> None:
        """As staff, or as any account, through the admin's door."""
        answer = self.context.request.get("/admin/login/")
        token = FORM_TOKEN.search(answer.text())
        assert token, "the admin's door has no form"
        form = {"username": name, "password": password, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
        answer = self.context.request.post("/admin/login/", form=form, headers={"Referer": self.address})
        assert "sessionid" in self.cookies(), f"{name} may not sign in: {answer.status}"

    def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}

    @property
    def key(self) -> str | None:
        """The key of the visitor row whom this browser's cookie names."""
        token = self.cookies().get("coldrec_visitor")
        return token.split(":")[0] if token else None

    def stored(self) -> dict[str, Any]:
        """Everything that the open page has put into the browser, cookies of the session and of forms left out."""
        cookies = {name for name in self.cookies() if name not in ("csrftoken", "sessionid", "messages")}
        storage = self.page.evaluate("({local: {...localStorage}, session: {...sessionStorage}})")
        return {"cookies": sorted(cookies), **storage}

    def unexpected(self) -> list[str]:
        return [problem for problem in self.problems if not any(one.search(problem) for one in self._allowed)]

    def close(self) -> None:
        self.context.close()
