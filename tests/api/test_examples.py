"""The examples of docs/api.md, run as they stand there against a server: curl, a page's script, a typed client."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from coldrec.models import Event, Item, Slate
from coldrec.services import slates
from tests.required import missing

PAGE = Path(__file__).resolve().parents[2] / "docs/api.md"
SERVER = "http://localhost:8000"
BROWSER = """
// What a browser has and Node has not: addresses that begin at the page's own, and beacons.
const ask = globalThis.fetch;
globalThis.fetch = (address, options) => ask(new URL(address, "%(server)s"), options);
const headers = { "Content-Type": "text/plain" };
const navigator = { sendBeacon: (address, body) => !!fetch(address, { method: "POST", body, headers }) };
"""
SHOWN = """
console.log(JSON.stringify({ similar, trending, more }));
"""
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "skipLibCheck": True,
        "target": "es2022",
        "module": "es2022",
        "moduleResolution": "bundler",
        "lib": ["es2022", "dom"],
        "types": [],
        "outDir": "made",
    },
    "include": ["*.ts"],
}
MISTAKES = [
    ('"/v1/recommendations/"', '"/v1/recomendations/"'),
    ("query: { placement, seeds }", "query: { seeds }"),
    ("return data.slates", "return data.items"),
    ('record("click"', 'record("clik"'),
    ("error?.detail", "error?.message"),
]
"""What the compiler finds without the server being asked: right, wrong."""


def blocks(language: str, heading: str) -> list[str]:
    text = next(part for part in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.M) if part.startswith(heading))
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.fixture
def server(shop, request, monkeypatch) -> str:
    # Written down before the answer goes out, for the tables are emptied as soon as a test has its answers.
    keep = slates.keep
    monkeypatch.setattr(slates, "keep", lambda make, later: keep(make, later=False))
    # Not before the tests' database is there: in memory, as it is until then, its threads would share one connection.
    return request.getfixturevalue("live_server").url


@pytest.fixture
def run(server, tmp_path):
    """Run a command in an empty folder; what it prints."""

    def run(*command: str, status: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "CURL_HOME": str(tmp_path), "no_proxy": "*"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stderr[-3000:] + done.stdout[-3000:]
        return done.stdout

    # Quiet, and a line's end after each answer, so that what several commands print can be told apart.
    (tmp_path / ".curlrc").write_text('silent\nshow-error\nfail-with-body\nwrite-out = "\\n"\n')
    return run


@pytest.fixture
def shell(run, server):
    if not shutil.which("curl"):
        missing("no curl")

    def shell(heading: str) -> list[dict]:
        printed = "".join(run("bash", "-ec", block.replace(SERVER, server)) for block in blocks("sh", heading))
        return [json.loads(line) for line in printed.splitlines() if line]

    return shell


@pytest.mark.django_db(transaction=True)
def test_curl_asks_for_lists(shell):
    one, several, similar = (answer["slates"] for answer in shell("Lists"))
    assert [(each["placement"], len(each["items"])) for each in one] == [("home", 6)]
    assert [each["placement"] for each in several] == ["product_similar", "basket", "recently_viewed"]
    assert [len(each["items"]) for each in several] == [8, 6, 0]
    assert [each["placement"] for each in similar] == ["product_similar"]


@pytest.mark.django_db(transaction=True)
def test_curl_sends_an_event_and_asks_how_things_are(shell):
    assert shell("Events") == [{"received": 1, "accepted": 1, "duplicate": 0, "rejected": []}]
    assert Event.objects.get().item_id == "tea3"
    assert [answer["status"] for answer in shell("Health")] == ["ok"]
    assert shell("Who the visitor is") == [{"consent": "refused"}]


@pytest.mark.django_db(transaction=True)
def test_curl_keeps_a_public_list_until_it_changes(shell, tmp_path):
    kept = tmp_path / "home.json"
    shell("Caches")
    first = json.loads(kept.read_text())["slates"][0]["items"][0]["id"]
    kept.write_text("as it was")
    shell("Caches")
    assert kept.read_text() == "as it was", "304: nothing was sent"
    Item.objects.filter(external_id=first).update(sellable=False)
    shell("Caches")
    assert json.loads(kept.read_text())["slates"][0]["items"][0]["id"] != first


@pytest.mark.node
@pytest.mark.django_db(transaction=True)
def test_a_pages_script_asks_records_and_asks_for_more(run, server, node_modules, tmp_path):
    (script,) = blocks("js", "From a page")
    (tmp_path / "page.mjs").write_text(BROWSER % {"server": server} + script + SHOWN)
    lists = json.loads(run("node", "page.mjs"))
    shown = [item["id"] for one in lists.values() for item in one["items"]]
    assert [len(one["items"]) for one in lists.values()] == [8, 12, 6]
    assert len(set(shown[8:])) == 18, "what follows repeats nothing"
    click = Event.objects.get(kind="click")
    assert (str(click.slate_id), click.position) == (lists["similar"]["slate_id"], 1)
    assert click.item_id == shown[0]
    assert Event.objects.get(kind="view").item_id == "tea3"
    assert Slate.objects.filter(pk=lists["more"]["slate_id"], placement="trending").exists()


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_client_made_from_the_document_is_typed_and_works(run, server, node_modules, tmp_path):
    (tmp_path / "node_modules").symlink_to(node_modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    install, make = blocks("sh", "In TypeScript")[0].replace(SERVER, server).splitlines()
    pins = json.loads((node_modules.parent / "package.json").read_text())["devDependencies"]
    assert set(install.split()[3:]) <= set(pins), "the page installs what is tested"
    run("bash", "-ec", make)
    (example,) = blocks("ts", "In TypeScript")
    (tmp_path / "client.ts").write_text(example.replace(SERVER, server))
    for number, (right, wrong) in enumerate(MISTAKES):
        assert right in example
        (tmp_path / f"mistake{number}.ts").write_text(example.replace(right, wrong, 1))
    found = re.findall(r"^(\w+\.ts)\(\d+,\d+\): error", run("npx", "tsc", status=2), re.M)
    assert set(found) == {f"mistake{number}.ts" for number in range(len(MISTAKES))}
    said = json.loads(run("node", "made/client.js"))
    assert said == {"shown": 20, "receipt": {"received": 1, "accepted": 1, "duplicate": 0, "rejected": []}}
    event = Event.objects.get()
    assert (event.kind, event.position) == ("click", 1)
    assert Slate.objects.get(pk=event.slate_id).placement == "product_similar"
