"""Serves a site to browsers and prints its address: ``python -m tests.browser.serve``, settings by the environment."""

from __future__ import annotations

import django
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application


def main() -> None:
    django.setup(set_prefix=False)
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.daemon_threads = True
    server.set_app(StaticFilesHandler(get_internal_wsgi_application()))
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201  whoever started this reads it
    server.serve_forever()


if __name__ == "__main__":
    main()
