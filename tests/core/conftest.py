from pathlib import Path

import pytest

from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from tests.core.worlds import two_tastes


@pytest.fixture(scope="session")
def fitted(tmp_path_factory) -> Path:
    """The artifact of the shop with two tastes. Copy it before damaging it."""
    path = tmp_path_factory.mktemp("artifact") / "model"
    fit(two_tastes(), path)
    return path


@pytest.fixture(scope="session")
def model(fitted) -> Model:
    return Model.open(fitted)
