"""The command that a newcomer runs first: from nothing to a served shop, whatever happens on the way."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from itertools import cycle
from pathlib import Path
from urllib.request import urlopen

import pytest

from shop_demo import catalogue

pytest.importorskip("oscar", reason="django-oscar is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.apart]

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--products", "60", "--shoppers", "80"]
PRODUCT_LINK = r'<h3><a href="(/catalogue/[^"]+)"'
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def environment(folder: Path) -> dict[str, str]:
    unwanted = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SHOP", "DEBUG", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "DEMO_DIR": str(folder), "PYTHONUNBUFFERED": "1"}


def demo(folder: Path, *options: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *SMALL, *options],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *SMALL, *options],
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that runs the tests in the background has Ctrl-C ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def read_until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return lines
    raise AssertionError(f"{wanted!r} never came:\n{''.join(lines)}")


def read(address: str) -> str:
    with urlopen(address, timeout=20) as answer:
        return answer.read().decode()


def counts(folder: Path) -> dict[str, int]:
    """Rows of the tables that the demo fills."""
    tables = ("catalogue_product", "coldrec_item", "coldrec_event", "coldrec_modelversion", "auth_user")
    with closing(sqlite3.connect(folder / "own" / "db.sqlite3")) as database:
        rows = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
        sizes = "SELECT count(*) FROM catalogue_product WHERE parent_id IS NOT NULL"
        rows["catalogue_product"] -= database.execute(sizes).fetchone()[0]
        return rows


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder in which the demo was set up once."""
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder, "--no-serve")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not ADDRESS.search(done.stdout), "an address is printed though nothing is served"
    return folder


def test_it_fills_trains_and_promotes(shop):
    rows = counts(shop)
    assert rows["catalogue_product"] == rows["coldrec_item"] == 60
    assert rows["coldrec_event"] > 500
    assert rows["coldrec_modelversion"] == 1
    assert rows["auth_user"] == 1


def test_a_second_run_changes_nothing_and_is_quick(shop):
    before, started = counts(shop), time.monotonic()
    done = demo(shop, "--no-serve")
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts(shop) == before
    assert time.monotonic() - started < 15, "a second run must serve within 15 s"


def test_new_products_come_in_while_it_is_open(tmp_path, shop):
    shutil.copytree(shop, tmp_path, dirs_exist_ok=True)
    process = start(tmp_path, "--port", str(free_port()), "--arrivals", "4")
    try:
        text = "".join(read_until(process, "new arrival"))
        assert "A new product comes in every 4 seconds, 60 in all" in text
        shop_address, path = ADDRESS.search(text)[0], re.search(r"new arrival +.+: (/\S+)", text)[1]
        department = re.findall(r'href="(/catalogue/category/[^"]+)"', read(f"{shop_address}{path}"))
        links = {link for one in department for link in re.findall(PRODUCT_LINK, read(f"{shop_address}{one}"))}
        pages = cycle(["/", *sorted(links - {path})])  # each read by a stranger, since nobody keeps a cookie
        shown = f'data-coldrec-item="{path.rstrip("/").rpartition("_")[2]}"'
        deadline = time.monotonic() + 60
        while shown not in read(f"{shop_address}{next(pages)}"):
            assert time.monotonic() < deadline, f"{path} is recommended on none of {len(links)} pages within a minute"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    rows = counts(tmp_path)
    assert rows["catalogue_product"] == rows["coldrec_item"] > 60, "stopped between a product and its item"


def test_a_database_of_an_earlier_release_is_refused_and_left_as_it_is(tmp_path, shop):
    shutil.copytree(shop, tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "own" / "db.sqlite3")) as database, database:
        database.execute("UPDATE catalogue_product SET upc = 'FH00001' WHERE id = 1")
    before = counts(tmp_path)
    done = demo(tmp_path, "--no-serve")
    assert done.returncode != 0
    assert "holds the catalogue of an earlier release" in done.stderr
    assert "make clean" in done.stderr and "DEMO_DIR" in done.stderr and "Traceback" not in done.stderr
    assert counts(tmp_path) == before


def test_it_serves_what_it_prints_and_takes_the_next_port_when_busy(shop):
    port = free_port()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port))
        busy.listen()
        process = start(shop, "--port", str(port))
        try:
            lines = read_until(process, "Ctrl-C")
            text = "".join(lines)
            assert f"Port {port} is busy" in text
            first = ADDRESS.search(text)[0]
            assert first != f"http://127.0.0.1:{port}"
            for address in sorted(set(re.findall(r"http://127\.0\.0\.1:\d+/\S*", text))):
                with urlopen(address, timeout=20) as answer:
                    assert answer.status == 200, address
            with urlopen(first, timeout=20) as answer:
                assert answer.read().decode().count("data-coldrec-item=") >= 4
            assert "demo@example.com" in text
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0, "Ctrl-C while serving is the way to stop it"


@pytest.fixture(scope="module")
def killed_early(tmp_path_factory) -> Path:
    """A folder left by a run that was killed (kill -9) once the tables were there."""
    folder = tmp_path_factory.mktemp("killed")
    process = start(folder, "--no-serve")
    read_until(process, "  database")
    process.kill()
    process.wait()
    return folder


@pytest.mark.parametrize("after", [None, "products", "events"])
def test_a_killed_run_is_finished_by_the_next(tmp_path, killed_early, after):
    shutil.copytree(killed_early, tmp_path, dirs_exist_ok=True)
    if after:
        process = start(tmp_path, "--no-serve")
        read_until(process, f"  {after}")
        process.kill()
        process.wait()
    done = demo(tmp_path, "--no-serve")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = counts(tmp_path)
    assert rows["catalogue_product"] == rows["coldrec_item"] == 60
    assert rows["coldrec_modelversion"] >= 1
    events = rows["coldrec_event"]
    assert demo(tmp_path, "--no-serve").returncode == 0
    assert counts(tmp_path)["coldrec_event"] == events, "events must not be loaded twice"


def test_ctrl_c_while_setting_up_is_one_sentence(tmp_path, killed_early):
    shutil.copytree(killed_early, tmp_path, dirs_exist_ok=True)
    process = start(tmp_path, "--no-serve")
    read_until(process, "  database")
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(60) == 130
    assert "Run the same command again" in rest
    assert "Traceback" not in rest


def test_a_damaged_model_is_trained_again(shop):
    before = counts(shop)["coldrec_modelversion"]
    arrays = sorted((shop / "own" / "coldrec").rglob("*.npy"), key=lambda path: path.stat().st_size)
    arrays[-1].write_bytes(arrays[-1].read_bytes()[:-8])
    done = demo(shop, "--no-serve")
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts(shop)["coldrec_modelversion"] == before + 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--port", "0"], "--port is 0; it must lie between 1 and 65535."),
        (["--products", "0"], "--products is 0; it must be at least 1."),
        (["--products", "5000"], f"--products is 5000; it must be at most {catalogue.ALL}."),
        (["--arrivals", "-1"], "--arrivals is -1; it must be at least 0 (never)."),
    ],
)
def test_wrong_options_are_named(tmp_path, options, sentence):
    done = demo(tmp_path, *options)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(tmp_path):
    """Files may not grow beyond a few blocks, which is how a full disk looks to a program."""
    limit = (
        "import resource, signal, runpy, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
        "sys.argv = ['manage.py', 'demo', '--no-serve']; runpy.run_path('manage.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", limit],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert "Run the same command again" in done.stderr or "run the same command again" in done.stderr, done.stderr
