"""Our evaluation beside a second one that was written apart from it, where that one is at hand."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from coldrec.core.evaluation import report
from coldrec.core.evaluation.protocols import PROTOCOLS, build_views
from coldrec.core.evaluation.splitting import read_split
from coldrec.core.evaluation.tasks import make_task, serve, write_predictions

SHARED = Path(__file__).resolve().parents[4] / "shared"
SCRIPT = SHARED / "bench" / "evaluate.py"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the second evaluator (../shared/bench) is not here")


@pytest.fixture(scope="module")
def second():
    spec = importlib.util.spec_from_file_location("second_evaluator", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module", params=["amazon_office", "citeulike"])
def place(request):
    path = SHARED / "data" / request.param
    return path if path.exists() else pytest.skip(f"{path} is not here")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_random_lists_score_alike(tmp_path, second, place, protocol):
    parted, rng = read_split(place), np.random.default_rng(3)
    task = make_task(parted, protocol, "val")
    if not task.served:
        pytest.skip(f"{place.name} has no {protocol} part")

    def at_random(history, k, candidates):
        allowed = np.flatnonzero(candidates)
        return rng.choice(allowed, min(int(rng.integers(1, k + 1)), len(allowed)), replace=False)

    lists = serve(task, at_random)
    write_predictions(tmp_path / "lists.parquet", lists)
    theirs = second.evaluate(place, protocol, tmp_path / "lists.parquet", "val", draws=1000)["views"]
    for name, view in build_views(parted, protocol, "val").items():
        if not view.relevant:
            continue
        ours = report.score(parted, view, lists[name])
        expected = theirs[name]
        assert (ours.visitors, ours.skipped, ours.candidates) == tuple(
            expected[key] for key in ("users", "skipped", "candidates")
        )
        for metric, figure in ours.figures.items():
            assert figure.mean == pytest.approx(expected["metrics"][metric]["mean"], abs=1e-9), (name, metric)
            wide = expected["metrics"][metric]["ci95"][1] - expected["metrics"][metric]["ci95"][0]
            assert figure.high - figure.low == pytest.approx(wide, rel=0.3, abs=1e-3), (name, metric)
        for figures, their_figures in ((ours.lists, expected["lists"]), (ours.sides, expected.get("sides", {}))):
            assert figures == pytest.approx(their_figures, abs=1e-9), name
        for group, figures in ours.groups.items():
            shared = expected.get("groups", {}).get(group, {})
            assert shared == {} or figures["ndcg@20"] == pytest.approx(shared["ndcg@20"], abs=1e-9), group
