"""The wheel, and the README's steps followed to the letter in a new project that has nothing but it.

The steps are read from the README; what stands here is only the shop that a reader has already.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from zipfile import ZipFile

import pytest

from coldrec import __version__
from tests.templatetags.pages import Page

pytestmark = [pytest.mark.slow, pytest.mark.apart]
ROOT = Path(__file__).resolve().parent.parent

SHOP = {
    "shop/models.py": """
        from django.db import models


        class Product(models.Model):
            name = models.CharField(max_length=100)
            description = models.TextField()
            price = models.DecimalField(max_digits=8, decimal_places=2)

            def get_absolute_url(self):
                return f"/products/{self.pk}/"
    """,
    "templates/home.html": "<h1>The shop</h1>",
}
SHOP_SETTINGS = """
INSTALLED_APPS += ["shop"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
"""
SHOP_URLS = """
from django.views.generic import TemplateView
urlpatterns += [path("", TemplateView.as_view(template_name="home.html"), name="home")]
"""
STOCK = (
    "from shop.models import Product\n"
    "for n in range(8): Product.objects.create(name=f'Tea pot {n}', description='For green tea.', price=10 + n)"
)


@dataclass(frozen=True)
class Step:
    """A block of code of the README: in which step it stands, what it is written in, and what it says."""

    number: int
    language: str
    code: str


def readme_steps() -> list[Step]:
    text = (ROOT / "README.md").read_text("utf-8")
    section = re.search(r"^## Install in your shop\n(.*?)^## ", text, re.M | re.S)[1]
    steps = []
    for number, body in re.findall(r"^(\d)\. (.*?)(?=^\d\. |^That is all|\Z)", section, re.M | re.S):
        for language, code in re.findall(r"^ +```(\w+)\n(.*?)^ +```", body, re.M | re.S):
            steps.append(Step(int(number), language, textwrap.dedent(code)))
    return steps


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the checkout as it is."""
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = place.glob("*.whl")
    return built


class TestWheel:
    @pytest.fixture(scope="class")
    def names(self, wheel) -> set[str]:
        with ZipFile(wheel) as archive:
            return set(archive.namelist())

    def test_its_name_says_package_and_release(self, wheel):
        assert wheel.name == f"django_coldrec-{__version__}-py3-none-any.whl"

    @pytest.mark.parametrize(
        "name",
        [
            "py.typed",
            "migrations/0001_initial.py",
            "templates/coldrec/widget.html",
            "templates/coldrec/product_card.html",
            "static/coldrec/coldrec.css",
            "locale/zh_Hans/LC_MESSAGES/django.mo",
            "management/commands/coldrec_fit.py",
            "contrib/oscar/apps.py",
        ],
    )
    def test_it_holds_what_a_shop_needs(self, names, name):
        assert f"coldrec/{name}" in names

    def test_it_holds_the_whole_package_and_nothing_else(self, names):
        ours = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "coldrec").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert {name for name in names if not name.startswith("django_coldrec-")} == ours
        assert any(name.endswith("/licenses/LICENSE") for name in names)


@dataclass
class Project:
    """A project in a folder of its own, which sees coldrec only where the wheel was unpacked."""

    place: Path
    packages: Path

    def manage(self, *arguments: str) -> str:
        return self.run(sys.executable, "manage.py", *arguments)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.place, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        ours = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "PYTHONPATH"}
        return {name: value for name, value in os.environ.items() if name not in ours} | {
            "PYTHONPATH": str(self.packages),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def write(self, name: str, text: str, *, add: bool = False) -> None:
        path = self.place / name
        path.parent.mkdir(exist_ok=True)
        path.write_text((path.read_text("utf-8") + "\n" if add else "") + text, "utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A shop as its owner has it before the first step."""
    place = tmp_path_factory.mktemp("project")
    project = Project(place, place / "packages")
    project.run(sys.executable, "-m", "django", "startproject", "mysite", ".")
    project.manage("startapp", "shop")
    for name, text in SHOP.items():
        project.write(name, textwrap.dedent(text))
    project.write("mysite/settings.py", SHOP_SETTINGS, add=True)
    project.write("mysite/urls.py", SHOP_URLS, add=True)
    project.manage("makemigrations", "shop")
    project.manage("migrate")
    project.manage("shell", "-c", STOCK)
    return project


def follow(project: Project, wheel: Path) -> dict[str, str]:
    """Do what the README's five steps say; what each command printed."""
    project.run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
        *("--target", str(project.packages), str(wheel)),
    )  # fmt: skip
    printed = {}
    for step in readme_steps():
        first, _, rest = step.code.partition("\n")
        if step.language == "sh":
            for line in step.code.strip().splitlines():
                word, *arguments = line.split()
                assert word == "python"
                printed[line] = project.run(sys.executable, *arguments)
            continue
        name = re.search(r"[\w/.]+\.(py|html)", first)[0]
        where = {"settings.py": "mysite/settings.py", "urls.py": "mysite/urls.py"}.get(name, name)
        project.write(where, rest, add=where.startswith(("mysite/", "templates/")))
    return printed


@dataclass
class Visitor:
    """A browser with cookies, on a running server."""

    address: str

    def __post_init__(self) -> None:
        self.cookies = CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        opener.addheaders = [("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
        self._open = opener.open

    def get(self, path: str) -> str:
        with self._open(self.address + path, timeout=20) as answer:
            return answer.read().decode()

    def send(self, path: str, body: object) -> dict:
        request = urllib.request.Request(
            self.address + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Origin": self.address},
        )
        with self._open(request, timeout=20) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def followed(project, wheel) -> dict[str, str]:
    return follow(project, wheel)


@pytest.fixture(scope="module")
def browser(project, followed) -> Iterator[Visitor]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    log = (project.place / "server.log").open("w")
    with subprocess.Popen(command, cwd=project.place, env=project.environment, stdout=log, stderr=log) as server:
        try:
            visitor = Visitor(f"http://127.0.0.1:{port}")
            deadline = time.monotonic() + 30
            while True:
                try:
                    visitor.get("/static/coldrec/coldrec.css")
                    break
                except OSError:
                    assert time.monotonic() < deadline and server.poll() is None, Path(log.name).read_text()
                    time.sleep(0.1)
            yield visitor
        finally:
            server.terminate()
            log.close()


def test_the_readme_has_five_steps_with_code_in_each():
    assert [step.number for step in readme_steps()] == [1, 2, 3, 4, 5]
    assert [step.language for step in readme_steps()] == ["python", "python", "python", "sh", "html"]


def test_the_steps_bring_every_product_over(project, followed):
    (sync,) = (said for line, said in followed.items() if line.endswith("coldrec_sync_catalogue"))
    assert sync == "Items created: 8, updated: 0, deleted: 0; unchanged: 0, skipped: 0.\n"
    where = project.run(sys.executable, "-c", "import coldrec; print(coldrec.__file__)")
    assert Path(where.strip()).is_relative_to(project.packages), "not the checkout's"
    assert "no issues" in project.manage("check")
    assert project.manage("makemigrations", "--check", "--dry-run").strip() == "No changes detected"


def test_the_page_has_a_list_at_once(browser):
    text = browser.get("/")
    page = Page(text)
    assert text.startswith("<h1>The shop</h1>")
    assert page.values("data-coldrec-placement") == ["home"]
    assert len(page.items) == 8
    assert "Tea pot 7" in page.text and "EUR" in page.text
    assert all(address.startswith(("/products/", "/coldrec/why/")) for address in page.values("href"))


def test_a_product_that_is_saved_follows_by_itself(project, browser):
    project.manage("shell", "-c", "from shop.models import Product; Product.objects.create(name='New', price=1)")
    assert "New" in Page(browser.get("/")).text


def test_the_addresses_take_clicks_and_give_lists(browser):
    (slate,) = json.loads(browser.get("/coldrec/v1/recommendations/?placement=home"))["slates"]
    first = slate["items"][0]["id"]
    event = {"event_id": "1", "kind": "click", "item_id": first, "slate_id": slate["slate_id"], "position": 1}
    assert browser.send("/coldrec/v1/events/", event)["accepted"] == 1
    assert browser.send("/coldrec/v1/events/", event)["duplicate"] == 1
    cookies = {cookie.name: cookie.has_nonstandard_attr("HttpOnly") for cookie in browser.cookies}
    assert cookies["coldrec_visitor"], "the middleware has set it, and no script can read it"
    assert not cookies["coldrec_visitor_mark"], "the script reads it, and it names nobody"


def test_the_doctor_finds_nothing_broken_and_a_model_can_be_trained(project, browser):
    assert "Nothing is broken." in project.manage("coldrec_doctor")
    assert "v1 serves." in project.manage("coldrec_fit", "--promote")
    deadline = time.monotonic() + 20
    while 'data-coldrec-level="newest"' in browser.get("/"):
        assert time.monotonic() < deadline, "a running server takes the version up by itself"
        time.sleep(0.5)
    assert len(Page(browser.get("/")).items) >= 8


WITHOUT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {modules}:
            raise ImportError(f"no module named {{name}}", name=name)
sys.meta_path.insert(0, Blocked())
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
import django
django.setup()
from django.core.management import call_command
from coldrec.services import encoders, serving, shops
from coldrec.services.placements import PlacementRequest
from coldrec.services.recommend import serve
"""
FIT_AND_SERVE = """
call_command("coldrec_fit", "--promote", verbosity=0)
(home,) = serve([PlacementRequest("home")], shop=shop, visitor=None)
print(home.level, len(home.items), (home.version, shop.versions.get(number=home.version).encoder_id))
"""
TRAINING = {"torch", "transformers", "onnx", "onnxscript", "safetensors", "huggingface_hub", "sentence_transformers"}


def without(project: Project, modules: set[str], script: str) -> str:
    """What a script prints in a process that has none of the modules."""
    return project.run(sys.executable, "-c", WITHOUT.format(modules=modules) + script)


def test_the_core_trains_and_serves_with_neither_train_nor_serve(project, browser):
    said = without(
        project, TRAINING | {"onnxruntime", "tokenizers", "openai"}, "shop = shops.current()" + FIT_AND_SERVE
    )
    assert re.fullmatch(r"(popular|newest) \d+ \(\d+, None\)", said.splitlines()[-1])


def test_with_serve_alone_it_learns_and_answers_with_a_model_that_was_exported_elsewhere(
    project, browser, tiny_versions
):
    folder = shutil.copytree(tiny_versions[0], project.place / "exported")
    script = f"""
from pathlib import Path
shop = shops.current()
version = encoders.register(shop, Path({str(folder)!r}), source="made elsewhere")
encoders.put_in_use(shop, version)
print(*encoders.query_vectors(version, ["tea pot"]).shape, encoders.query_vectors(version, ["tea pot"]).any())
"""
    said = without(project, TRAINING, script + FIT_AND_SERVE).splitlines()
    assert said[0] == "1 32 True"
    assert re.fullmatch(r"\w+ \d+ \(\d+, 1\)", said[-1]), "fitted with its vectors"


def test_a_language_model_is_trained_and_exported_from_the_wheel(project, browser, tiny_folder):
    recipe = {"mask_steps": 1, "pair_steps": 2, "batch": 4, "mini_batch": 4, "length": 24, "method": "lora", "rank": 2}
    place = project.place / "recipe.json"
    place.write_text(json.dumps(recipe), "utf-8")
    script = f"""
from django.conf import settings
from django.test import override_settings
from shop.models import Product
for one, other in (("amber", "brass"), ("birch", "cork"), ("denim", "felt"), ("glass", "hemp"), ("iron", "jute")):
    Product.objects.create(name=f"{{one}} lamp", description=f"Made of {{other}}, lined with {{other}}.", price=9)
shop = shops.current()
with override_settings(COLDREC={{**settings.COLDREC, "ENCODER": {str(tiny_folder)!r}}}):
    if not shop.encoder_id:
        call_command("coldrec_encode", "--install", verbosity=0)
    call_command("coldrec_train", "--config", {str(place)!r})
trained = shop.encoders.get(origin="trained")
print(trained.card["recipe"]["method"], bool(trained.refusal), encoders.opened(trained).encode(["tea pot"]).shape)
"""
    said = without(project, {"neo4j"}, script).splitlines()
    assert said[-1] == "lora True (1, 32)"
