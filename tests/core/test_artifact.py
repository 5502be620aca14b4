"""An artifact is whole or it is refused."""

import json
import shutil

import numpy as np
import pytest

from coldrec.core import artifact
from coldrec.core.artifact import Artifact
from coldrec.core.errors import ArtifactError
from coldrec.core.model import Model


def test_what_is_written_is_read_back(tmp_path):
    made = artifact.write(tmp_path / "a", {"x": np.arange(3), "none": np.zeros((0, 4))}, {"d": {"é": 1}}, {"seed": 7})
    read = Artifact.open(tmp_path / "a")
    assert read.digest == made.digest
    assert read.array("x").tolist() == [0, 1, 2]
    assert read.array("none").shape == (0, 4)
    assert read.document("d") == {"é": 1}
    assert read.card == {"seed": 7}


def test_an_artifact_is_written_once_and_whole(tmp_path):
    artifact.write(tmp_path / "a", {}, {}, {})
    with pytest.raises(ArtifactError, match="written once"):
        artifact.write(tmp_path / "a", {}, {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("array", "said"),
    [(np.array([1.0, np.nan]), "NaN"), (np.array([np.inf]), "infinite"), (np.array([{}], dtype=object), "objects")],
)
def test_what_cannot_be_served_is_not_written(tmp_path, array, said):
    with pytest.raises(ArtifactError, match=said):
        artifact.write(tmp_path / "a", {"x": array}, {}, {})
    assert not (tmp_path / "a").exists()


def _flip(path):
    file = path / "factors.npy"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)


def _truncate(path):
    file = path / "ease_data.npy"
    file.write_bytes(file.read_bytes()[:-8])


def _remove(path):
    (path / "words.json").unlink()


def _no_manifest(path):
    (path / "manifest.json").unlink()


def _broken_manifest(path):
    (path / "manifest.json").write_text("{")


def _link(path):
    outside = path.with_name("outside.npy")
    (path / "factors.npy").rename(outside)
    (path / "factors.npy").symlink_to(outside)


def _other_format(path):
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_flip, "SHA-256"),
        (_truncate, "bytes; the manifest says"),
        (_remove, "words.json is missing"),
        (_no_manifest, "no readable manifest"),
        (_broken_manifest, "damaged"),
        (_link, "not a plain file"),
        (_other_format, "format 99"),
    ],
)
def test_damage_is_refused_with_its_reason(fitted, tmp_path, damage, said):
    path = tmp_path / "model"
    shutil.copytree(fitted, path)
    damage(path)
    with pytest.raises(ArtifactError, match=said):
        Model.open(path)


def _rewrite(fitted, path, **arrays):
    """The same artifact with other arrays and a manifest that vouches for them."""
    source = Artifact.open(fitted)
    names = [name.removesuffix(".npy") for name in source.files if name.endswith(".npy")]
    documents = [name.removesuffix(".json") for name in source.files if name.endswith(".json")]
    artifact.write(
        path,
        {name: arrays.get(name, np.array(source.array(name))) for name in names},
        {name: source.document(name) for name in documents},
        source.card,
    )


@pytest.mark.parametrize("name", ["factors", "encoder", "encoded", "text_indptr", "ease_data", "trend", "first_seen"])
def test_wrong_dimensions_are_refused(fitted, tmp_path, name):
    array = np.array(Artifact.open(fitted).array(name))
    _rewrite(fitted, tmp_path / "model", **{name: array[..., :-1]})
    with pytest.raises(ArtifactError):
        Model.open(tmp_path / "model")


@pytest.mark.parametrize("name", ["factors", "words_idf", "entities_idf", "first_seen", "trend", "ease_data"])
def test_nan_is_refused_even_where_the_manifest_vouches_for_it(fitted, tmp_path, monkeypatch, name):
    array = np.array(Artifact.open(fitted).array(name))
    array.flat[0] = np.nan
    monkeypatch.setattr(artifact.np, "isfinite", lambda a: np.ones(np.shape(a), bool))
    _rewrite(fitted, tmp_path / "model", **{name: array})
    monkeypatch.undo()
    with pytest.raises(ArtifactError, match=rf"{name}\.npy holds NaN"):
        Model.open(tmp_path / "model")
